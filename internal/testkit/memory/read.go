package memory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Get implements client.Client.
func (c *Client) Get(ctx context.Context, key client.ObjectKey, into client.Object, o ...client.GetOption) error {
	kind, err := c.GroupVersionKindFor(into)
	if err != nil {
		return err
	}
	request := Request{Verb: "get", Kind: kind, Namespace: key.Namespace, Name: key.Name, Cached: c.view != nil}
	if _, err := c.admit(ctx, request); err != nil {
		return err
	}
	options := (&client.GetOptions{}).ApplyOptions(o)
	found, err := c.find(floorKind{kind, representationOf(into)}, key, !options.DisableReadYourWritesConsistency)
	if err != nil {
		return err
	}
	return c.show(kind, found, into)
}

func (c *Client) find(at floorKind, key types.NamespacedName, consistent bool) (*version, error) {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	on, err := c.server.shelf(at.kind)
	if err != nil {
		return nil, err
	}
	var found *version
	switch {
	case c.view == nil:
		found = on.objects[key]
	case consistent:
		found = c.view.get(at, key)
	default:
		found = c.view.windows[at.kind].objects[key]
	}
	if found == nil {
		return nil, notFound(at.kind, key.Name)
	}
	return found, nil
}

// List implements client.Client. Lists are in the order of names.
func (c *Client) List(ctx context.Context, into client.ObjectList, o ...client.ListOption) error {
	kind, err := c.GroupVersionKindFor(into)
	if err != nil {
		return err
	}
	kind.Kind = strings.TrimSuffix(kind.Kind, "List")
	options := (&client.ListOptions{}).ApplyOptions(o)
	request := Request{Verb: "list", Kind: kind, Namespace: options.Namespace, Cached: c.view != nil}
	if _, err := c.admit(ctx, request); err != nil {
		return err
	}
	matching, err := c.match(floorKind{kind, representationOf(into)}, options)
	if err != nil {
		return err
	}
	items := make([]runtime.Object, 0, len(matching))
	for _, found := range matching {
		item, err := c.item(kind, into)
		if err != nil {
			return err
		}
		if err := c.show(kind, found, item); err != nil {
			return err
		}
		items = append(items, item)
	}
	return meta.SetList(into, items)
}

// item is an empty element of a list.
func (c *Client) item(kind schema.GroupVersionKind, list client.ObjectList) (client.Object, error) {
	switch representationOf(list) {
	case untyped:
		return &unstructured.Unstructured{}, nil
	case metadataOnly:
		return &metav1.PartialObjectMetadata{}, nil
	case typed:
	}
	made, err := c.server.scheme.New(kind)
	if err != nil {
		return nil, err
	}
	return made.(client.Object), nil
}

// match selects objects of a kind, sorted.
func (c *Client) match(at floorKind, options *client.ListOptions) ([]*version, error) {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	on, err := c.server.shelf(at.kind)
	if err != nil {
		return nil, err
	}
	objects := on.objects
	switch {
	case c.view == nil:
	case options.DisableReadYourWritesConsistency:
		objects = c.view.windows[at.kind].objects
	default:
		objects = c.view.all(at)
	}
	var matching []*version
	for _, key := range sortedKeys(objects) {
		found := objects[key]
		if options.Namespace != "" && key.Namespace != options.Namespace {
			continue
		}
		if options.LabelSelector != nil && !options.LabelSelector.Matches(labelsOf(found.tree)) {
			continue
		}
		matches, err := c.indexed(at.kind, found, options.FieldSelector)
		if err != nil {
			return nil, err
		}
		if matches {
			matching = append(matching, found)
		}
	}
	return matching, nil
}

// indexed tells whether an object is under the values of the indices that a selector names.
func (c *Client) indexed(kind schema.GroupVersionKind, found *version, selector fields.Selector) (bool, error) {
	if selector == nil {
		return true, nil
	}
	for _, wanted := range selector.Requirements() {
		extract := c.indices[kind][wanted.Field]
		if extract == nil {
			return false, fmt.Errorf("list %s: there is no index of field %s", kind.Kind, wanted.Field)
		}
		object, err := found.decode(kind, c.server.scheme)
		if err != nil {
			return false, err
		}
		if !slices.Contains(extract(object), wanted.Value) {
			return false, nil
		}
	}
	return true, nil
}

func labelsOf(tree map[string]any) labels.Set {
	set := labels.Set{}
	found, _ := metadataOf(tree)["labels"].(map[string]any)
	for key, value := range found {
		set[key], _ = value.(string)
	}
	return set
}
