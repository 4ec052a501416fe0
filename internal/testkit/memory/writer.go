package memory

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// parcel is an object on its way to the server.
type parcel struct {
	request    Request
	at         floorKind
	object     client.Object
	consistent bool
}

// pack prepares a write. Reads that wait for it are the typed ones, whatever it is written as, but for metadata.
func (c *Client) pack(verb, subresource string, object client.Object, inconsistent bool) (parcel, error) {
	kind, err := c.GroupVersionKindFor(object)
	if err != nil {
		return parcel{}, err
	}
	at := floorKind{kind, typed}
	if _, slim := object.(*metav1.PartialObjectMetadata); slim {
		at.representation = metadataOnly
	}
	return parcel{
		request: Request{Verb: verb, Subresource: subresource, Kind: kind, Namespace: object.GetNamespace(), Name: object.GetName()},
		at:      at, object: object, consistent: !inconsistent,
	}, nil
}

// post sends a parcel and puts the answer into its object.
func (c *Client) post(ctx context.Context, p parcel, send func(*Server) (*version, error)) error {
	stored, err := c.write(ctx, p.request, send)
	if err != nil {
		return err
	}
	c.wrote(p.at, client.ObjectKeyFromObject(p.object), stored.rv, p.consistent)
	return c.show(p.request.Kind, stored, p.object)
}

// contents returns the tree of an object.
func contents(kind schema.GroupVersionKind, object client.Object) (map[string]any, error) {
	if u, ok := object.(*unstructured.Unstructured); ok {
		return u.Object, nil
	}
	tree, err := encode(object)
	if err != nil {
		return nil, err
	}
	tree["apiVersion"], tree["kind"] = kind.GroupVersion().String(), kind.Kind
	return tree, nil
}

// Create implements client.Client.
func (c *Client) Create(ctx context.Context, object client.Object, o ...client.CreateOption) error {
	options := (&client.CreateOptions{}).ApplyOptions(o)
	p, err := c.pack("create", "", object, options.DisableReadYourWritesConsistency)
	if err != nil {
		return err
	}
	tree, err := contents(p.request.Kind, object)
	if err != nil {
		return err
	}
	return c.post(ctx, p, func(s *Server) (*version, error) { return s.create(p.request.Kind, tree) })
}

// Update implements client.Client.
func (c *Client) Update(ctx context.Context, object client.Object, o ...client.UpdateOption) error {
	options := (&client.UpdateOptions{}).ApplyOptions(o)
	return c.update(ctx, object, "", options.DisableReadYourWritesConsistency)
}

func (c *Client) update(ctx context.Context, object client.Object, subresource string, inconsistent bool) error {
	p, err := c.pack("update", subresource, object, inconsistent)
	if err != nil {
		return err
	}
	tree, err := contents(p.request.Kind, object)
	if err != nil {
		return err
	}
	return c.post(ctx, p, func(s *Server) (*version, error) { return s.update(p.request.Kind, tree, subresource) })
}

// Patch implements client.Client, for merge patches.
func (c *Client) Patch(ctx context.Context, object client.Object, patch client.Patch, o ...client.PatchOption) error {
	options := (&client.PatchOptions{}).ApplyOptions(o)
	return c.patch(ctx, object, patch, "", options.DisableReadYourWritesConsistency)
}

func (c *Client) patch(ctx context.Context, object client.Object, patch client.Patch, subresource string, inconsistent bool) error {
	p, err := c.pack("patch", subresource, object, inconsistent)
	if err != nil {
		return err
	}
	data, err := patch.Data(object)
	if err != nil {
		return err
	}
	key := client.ObjectKeyFromObject(object)
	return c.post(ctx, p, func(s *Server) (*version, error) {
		return s.patch(p.request.Kind, key, patch.Type(), data, subresource)
	})
}

// Apply implements client.Client, for configurations from unstructured objects.
func (c *Client) Apply(ctx context.Context, object runtime.ApplyConfiguration, o ...client.ApplyOption) error {
	sent, ok := object.(interface {
		client.Object
		UnstructuredContent() map[string]any
		SetUnstructuredContent(map[string]any)
	})
	if !ok {
		return unsupported("applying typed configurations")
	}
	options := (&client.ApplyOptions{}).ApplyOptions(o)
	kind := sent.GetObjectKind().GroupVersionKind()
	key := client.ObjectKeyFromObject(sent)
	wanted := application{manager: options.FieldManager, force: options.Force != nil && *options.Force, wanted: sent.UnstructuredContent()}
	request := Request{Verb: "apply", Kind: kind, Namespace: key.Namespace, Name: key.Name}
	stored, err := c.write(ctx, request, func(s *Server) (*version, error) { return s.apply(kind, wanted) })
	if err != nil {
		return err
	}
	c.wrote(floorKind{kind, untyped}, key, stored.rv, !options.DisableReadYourWritesConsistency)
	sent.SetUnstructuredContent(copyMap(stored.tree))
	return nil
}

// Delete implements client.Client. What the object owns goes with Server.Collect.
func (c *Client) Delete(ctx context.Context, object client.Object, o ...client.DeleteOption) error {
	options := client.DeleteOptions{}
	options.ApplyOptions(o)
	p, err := c.pack("delete", "", object, options.DisableReadYourWritesConsistency)
	if err != nil {
		return err
	}
	key, rv := client.ObjectKeyFromObject(object), int64(0)
	_, err = c.write(ctx, p.request, func(s *Server) (*version, error) {
		left, err := s.delete(p.request.Kind, key, options)
		rv = s.rv
		return left, err
	})
	if err != nil {
		return err
	}
	c.wrote(floorKind{p.request.Kind, representationOf(object)}, key, rv, p.consistent)
	return nil
}

// DeleteAllOf implements client.Client as a client with consistent reads does.
func (c *Client) DeleteAllOf(context.Context, client.Object, ...client.DeleteAllOfOption) error {
	return unsupported("DeleteAllOf")
}

// Status implements client.Client.
func (c *Client) Status() client.SubResourceWriter { return c.SubResource(statusSubresource) }

// SubResource implements client.Client.
func (c *Client) SubResource(name string) client.SubResourceClient {
	return subresource{client: c, name: name}
}

// subresource writes a part of an object.
type subresource struct {
	client *Client
	name   string
}

// Get implements client.SubResourceClient.
func (subresource) Get(context.Context, client.Object, client.Object, ...client.SubResourceGetOption) error {
	return unsupported("reading a subresource")
}

// Create implements client.SubResourceClient.
func (subresource) Create(context.Context, client.Object, client.Object, ...client.SubResourceCreateOption) error {
	return unsupported("creating a subresource")
}

// Update implements client.SubResourceClient.
func (s subresource) Update(ctx context.Context, object client.Object, o ...client.SubResourceUpdateOption) error {
	options := (&client.SubResourceUpdateOptions{}).ApplyOptions(o)
	return s.client.update(ctx, object, s.name, options.DisableReadYourWritesConsistency)
}

// Patch implements client.SubResourceClient.
func (s subresource) Patch(ctx context.Context, object client.Object, patch client.Patch, o ...client.SubResourcePatchOption) error {
	options := (&client.SubResourcePatchOptions{}).ApplyOptions(o)
	return s.client.patch(ctx, object, patch, s.name, options.DisableReadYourWritesConsistency)
}

// Apply implements client.SubResourceClient.
func (subresource) Apply(context.Context, runtime.ApplyConfiguration, ...client.SubResourceApplyOption) error {
	return unsupported("applying a subresource")
}
