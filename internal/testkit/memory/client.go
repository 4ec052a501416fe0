package memory

import (
	"context"
	"fmt"
	"reflect"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// Client is one process's way to the server. It is safe for concurrent use.
type Client struct {
	server *Server
	hooks  Hooks
	// view answers reads; nil where they are current.
	view *view
	dead *bool
	// indices are the field indices of the caches.
	indices map[schema.GroupVersionKind]map[string]client.IndexerFunc
}

var (
	_ client.Client       = (*Client)(nil)
	_ client.FieldIndexer = (*Client)(nil)
)

// Direct returns a client whose reads are current and whose requests never fail.
func (s *Server) Direct() *Client {
	return &Client{server: s, dead: new(bool)}
}

// Connect returns the client of a process that has just filled its caches.
func (s *Server) Connect(hooks Hooks) *Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Client{
		server: s, hooks: hooks, view: newView(s), dead: new(bool),
		indices: map[schema.GroupVersionKind]map[string]client.IndexerFunc{},
	}
}

// Live returns a reader past the caches, which fails as the client does.
func (c *Client) Live() client.Reader {
	return &Client{server: c.server, hooks: c.hooks, dead: c.dead}
}

// Dead tells whether a fault has killed the process. A dead client answers ErrDead to everything.
func (c *Client) Dead() bool { return *c.dead }

// Kill makes the client a dead one.
func (c *Client) Kill() { *c.dead = true }

// Behind returns the kinds of which the caches have not seen everything, in the order of the server's.
func (c *Client) Behind() []schema.GroupVersionKind {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	var behind []schema.GroupVersionKind
	for _, kind := range c.server.kinds {
		if c.view.windows[kind].seen < len(c.server.shelves[kind].log) {
			behind = append(behind, kind)
		}
	}
	return behind
}

// Deliver lets the cache of a kind see up to n further changes, all for a negative n, and returns how many there were.
func (c *Client) Deliver(kind schema.GroupVersionKind, n int) int {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	return c.view.deliver(kind, n)
}

// Seen returns what the caches would show of an object to a read into one like reader, nil for none. It delivers
// nothing, and nobody may change the tree.
func (c *Client) Seen(kind schema.GroupVersionKind, key client.ObjectKey, reader client.Object) map[string]any {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	if found := c.view.peek(floorKind{kind, representationOf(reader)}, key); found != nil {
		return found.tree
	}
	return nil
}

// IndexField implements client.FieldIndexer.
func (c *Client) IndexField(_ context.Context, object client.Object, field string, extract client.IndexerFunc) error {
	kind, err := c.GroupVersionKindFor(object)
	if err != nil {
		return err
	}
	if c.indices[kind] == nil {
		c.indices[kind] = map[string]client.IndexerFunc{}
	}
	c.indices[kind][field] = extract
	return nil
}

// admit asks the hooks about a request.
func (c *Client) admit(ctx context.Context, r Request) (Fault, error) {
	if *c.dead {
		return Died, ErrDead
	}
	if err := ctx.Err(); err != nil {
		return Lost, err
	}
	if c.hooks.Before == nil {
		return Fine, nil
	}
	fault := c.hooks.Before(r)
	if *c.dead || fault == Died || fault == DiedAfter && r.IsRead() {
		*c.dead = true
		return Died, ErrDead
	}
	if r.IsRead() && fault != Fine {
		return fault, readError(fault, r)
	}
	return fault, fault.refusal(r)
}

// readError is the answer to a read that fails, whatever would have become of a write.
func readError(f Fault, r Request) error {
	if err := f.refusal(r); err != nil && !apierrors.IsConflict(err) {
		return err
	}
	return errTimeout()
}

// write sends one write and tells the hooks of it. It returns what the object became, nil if it is gone.
func (c *Client) write(ctx context.Context, r Request, send func(*Server) (*version, error)) (*version, error) {
	fault, err := c.admit(ctx, r)
	if err != nil {
		return nil, err
	}
	done, stored, err := c.send(r, send)
	if err != nil {
		return nil, err
	}
	if c.hooks.After != nil && done != nil {
		c.hooks.After(*done)
	}
	switch fault {
	case Unanswered:
		return nil, errTimeout()
	case DiedAfter:
		*c.dead = true
		return nil, ErrDead
	case Fine, Conflict, TooMany, Broken, Lost, Died:
	}
	return stored, nil
}

// send carries a write out; done is nil if it changed nothing.
func (c *Client) send(r Request, send func(*Server) (*version, error)) (done *Write, stored *version, err error) {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	on, err := s.shelf(r.Kind)
	if err != nil {
		return nil, nil, err
	}
	key := types.NamespacedName{Namespace: r.Namespace, Name: r.Name}
	before, rv := on.objects[key], s.rv
	if stored, err = send(s); err != nil {
		return nil, nil, err
	}
	if s.rv == rv {
		return nil, stored, nil
	}
	done = &Write{Request: r}
	if before != nil {
		done.Before = before.tree
	}
	if after := on.objects[key]; after != nil {
		done.After = after.tree
	}
	return done, stored, nil
}

// wrote makes the caches wait for an own write that was answered.
func (c *Client) wrote(at floorKind, key types.NamespacedName, rv int64, consistent bool) {
	if c.view == nil || !consistent {
		return
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.view.wrote(at, key, rv)
}

// show puts what the server has into an object of any representation.
func (c *Client) show(kind schema.GroupVersionKind, stored *version, into client.Object) error {
	switch o := into.(type) {
	case *unstructured.Unstructured:
		o.Object = copyMap(stored.tree)
		return nil
	case *metav1.PartialObjectMetadata:
		slim := map[string]any{"apiVersion": stored.tree["apiVersion"], "kind": stored.tree["kind"], "metadata": stored.tree["metadata"]}
		*o = metav1.PartialObjectMetadata{}
		return runtime.DefaultUnstructuredConverter.FromUnstructured(slim, o)
	}
	c.server.mu.Lock()
	decoded, err := stored.decode(kind, c.server.scheme)
	c.server.mu.Unlock()
	if err != nil {
		return err
	}
	reflect.ValueOf(into).Elem().Set(reflect.ValueOf(decoded.DeepCopyObject()).Elem())
	return nil
}

// Scheme implements client.Client.
func (c *Client) Scheme() *runtime.Scheme { return c.server.scheme }

// RESTMapper implements client.Client.
func (c *Client) RESTMapper() meta.RESTMapper { return c.server.mapper }

// GroupVersionKindFor implements client.Client.
func (c *Client) GroupVersionKindFor(object runtime.Object) (schema.GroupVersionKind, error) {
	return apiutil.GVKForObject(object, c.server.scheme)
}

// IsObjectNamespaced implements client.Client: all objects are.
func (c *Client) IsObjectNamespaced(runtime.Object) (bool, error) { return true, nil }

// representationOf is how controller-runtime waits for reads of an object, and for deletions.
func representationOf(object any) representation {
	switch object.(type) {
	case *unstructured.Unstructured, *unstructured.UnstructuredList:
		return untyped
	case *metav1.PartialObjectMetadata, *metav1.PartialObjectMetadataList:
		return metadataOnly
	}
	return typed
}

// unsupported is the answer to what no adapter uses.
func unsupported(what string) error { return fmt.Errorf("%s is not supported in memory", what) }
