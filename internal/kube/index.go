package kube

import (
	"context"
	"fmt"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Namespaced adds indices to a cache for those who name a namespace whenever they list by one. The cache's own IndexField
// has every value twice, the second time for lists of all namespaces; a value takes a map of its own, 200 bytes and more.
type Namespaced struct{ cache.Cache }

// IndexField implements client.FieldIndexer, to be called before the cache starts. Name and keys are those that the cache's
// lists look under; a list by the field is an empty one where it names no namespace.
func (n Namespaced) IndexField(ctx context.Context, o client.Object, field string, extract client.IndexerFunc) error {
	informer, err := n.GetInformer(ctx, o, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("index %T by %s: %w", o, field, err)
	}
	return informer.AddIndexers(toolscache.Indexers{"field:" + field: func(object any) ([]string, error) {
		o, isObject := object.(client.Object)
		if !isObject {
			return nil, fmt.Errorf("index by %s: %T is no object", field, object)
		}
		values := extract(o)
		keys := make([]string, len(values))
		for i, value := range values {
			keys[i] = o.GetNamespace() + "/" + value
		}
		return keys, nil
	}})
}
