package standin

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// The kinds that divide traffic. The first version of a TrafficSplit can hold the weights of all.
var (
	apisixRoutes  = schema.GroupVersionResource{Group: "apisix.apache.org", Version: "v2", Resource: "apisixroutes"}
	trafficSplits = schema.GroupVersionResource{Group: "split.smi-spec.io", Version: "v1alpha1", Resource: "trafficsplits"}
)

// watcher is what the API server says.
type watcher struct {
	routes, splits, services, slices cache.Store // nil for a kind that is not served
}

// Watch keeps the proxy to what the cluster that cfg names says, until ctx ends. It returns once it knows the objects
// that exist. A kind whose CRD comes later is not watched.
func (p *Proxy) Watch(ctx context.Context, cfg *rest.Config) error {
	clients, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("make a client for Services: %w", err)
	}
	untyped, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("make a client for routes: %w", err)
	}
	own := informers.NewSharedInformerFactory(clients, 0)
	foreign := dynamicinformer.NewDynamicSharedInformerFactory(untyped, 0)
	w := &watcher{}
	p.read = w.cluster
	watched := map[*cache.Store]cache.SharedIndexInformer{
		&w.services: own.Core().V1().Services().Informer(),
		&w.slices:   own.Discovery().V1().EndpointSlices().Informer(),
	}
	for store, kind := range map[*cache.Store]schema.GroupVersionResource{&w.routes: apisixRoutes, &w.splits: trafficSplits} {
		served, err := isServed(clients.Discovery(), kind)
		if err != nil {
			return fmt.Errorf("look for %s: %w", kind.GroupResource(), err)
		}
		if served {
			watched[store] = foreign.ForResource(kind).Informer()
		}
	}
	var synced []cache.InformerSynced
	for store, informer := range watched {
		*store = informer.GetStore()
		registration, err := informer.AddEventHandler(p.handler())
		if err != nil {
			return fmt.Errorf("watch what divides traffic: %w", err)
		}
		synced = append(synced, registration.HasSynced)
	}
	own.StartWithContext(ctx)
	foreign.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), synced...) {
		return fmt.Errorf("watch what divides traffic: %w", context.Cause(ctx))
	}
	return nil
}

// isServed tells whether the API server has a kind.
func isServed(clients discovery.DiscoveryInterface, kind schema.GroupVersionResource) (bool, error) {
	list, err := clients.ServerResourcesForGroupVersion(kind.GroupVersion().String())
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, resource := range list.APIResources {
		if resource.Name == kind.Resource {
			return true, nil
		}
	}
	return false, nil
}

// handler notes every change.
func (p *Proxy) handler() cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { p.stale.Store(true) },
		UpdateFunc: func(any, any) { p.stale.Store(true) },
		DeleteFunc: func(any) { p.stale.Store(true) },
	}
}

func (w *watcher) cluster() cluster {
	return cluster{
		routes:   all[*unstructured.Unstructured](w.routes),
		splits:   all[*unstructured.Unstructured](w.splits),
		services: all[*corev1.Service](w.services),
		slices:   all[*discoveryv1.EndpointSlice](w.slices),
	}
}

// all are the objects of a store, of which there may be none.
func all[T any](store cache.Store) []T {
	if store == nil {
		return nil
	}
	var objects []T
	for _, item := range store.List() {
		if object, ok := item.(T); ok {
			objects = append(objects, object)
		}
	}
	return objects
}
