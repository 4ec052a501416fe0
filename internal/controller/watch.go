package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/fair"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/workload/configs"
	"flagger.app/flagger/internal/workload/scaler"
)

const (
	firstRetry   = 100 * time.Millisecond
	longestRetry = 30 * time.Second
)

// SetupWithManager starts the reconciler with mgr: every canary is woken by its own changes and by those of its
// workloads and Services. Routing objects, autoscalers and configs are watched once a canary needs them, as CRDs or
// permissions may be missing.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	if err := Index(ctx, kube.Namespaced{Cache: mgr.GetCache()}); err != nil {
		return err
	}
	recoverPanic, counted := true, newCensus(r)
	built, err := ctrl.NewControllerManagedBy(mgr).
		For(&v1beta1.Canary{}).
		Watches(&v1beta1.Canary{}, r.wake(Workloads), builder.WithPredicates(ofOthersConcern)).
		Watches(&v1beta1.Canary{}, counted.handler()).
		Watches(&appsv1.Deployment{}, r.wake(Workloads)).
		Watches(&appsv1.DaemonSet{}, r.wake(Workloads)).
		Watches(&corev1.Service{}, r.wake(Apexes)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: r.Concurrency,
			RecoverPanic:            &recoverPanic,
			LogConstructor:          func(*reconcile.Request) logr.Logger { return mgr.GetLogger() }, // Reconcile adds what users filter on
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, longestRetry),
			NewQueue:                r.queue,
		}).
		Build(r)
	if err != nil {
		return err
	}
	r.controller, r.cache = built, mgr.GetCache()
	return mgr.Add(counted)
}

// queue is where woken canaries wait for a worker. Those of a namespace whose hooks hang leave workers to the others.
func (r *Reconciler) queue(name string, limiter workqueue.TypedRateLimiter[reconcile.Request]) workqueue.TypedRateLimitingInterface[reconcile.Request] {
	return fair.NewQueue(priorityqueue.New(name, func(o *priorityqueue.Opts[reconcile.Request]) { o.RateLimiter = limiter }), r.Concurrency)
}

// ofOthersConcern are the changes of a canary that those with the same target must see: whether it is there, and what it
// wants. Every step of a rollout changes its status.
var ofOthersConcern = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() || e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration()
}}

// wakeUsers maps a config to the canaries of the workloads that refer to it.
func (r *Reconciler) wakeUsers(kind configs.Kind) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
		var requests []reconcile.Request
		key := client.MatchingFields{configs.ReferenceIndex: configs.StemKey(kind, o.GetName())}
		for _, list := range []client.ObjectList{&appsv1.DeploymentList{}, &appsv1.DaemonSetList{}} {
			err := r.Client.List(ctx, list, client.InNamespace(o.GetNamespace()), key, client.DisableReadYourWritesConsistency)
			if err != nil {
				log.FromContext(ctx).Error(err, "list workloads of a config", "kind", kind, "name", o.GetName())
				continue
			}
			for _, name := range namesIn(list) {
				requests = append(requests, r.lookup(ctx, o.GetNamespace(), name, Workloads)...)
			}
		}
		return requests
	})
}

// namesIn are the names of the objects of a list.
func namesIn(list client.ObjectList) []string {
	var names []string
	_ = meta.EachListItem(list, func(o runtime.Object) error { // it fails for what is no list
		names = append(names, o.(client.Object).GetName())
		return nil
	})
	return names
}

// watchFor makes changes of all that only some canaries need wake c. Its error says which CRD is missing.
func (r *Reconciler) watchFor(c *v1beta1.Canary, row router.Row) error {
	at := r.site(row)
	if row.Watch != nil {
		if err := r.watchRoutes(at, *row.Watch, row.Formerly); err != nil {
			return err
		}
	}
	for _, kind := range row.Also {
		if err := r.watch(at, kind, untyped(kind), r.wake(Routes)); err != nil {
			return err
		}
	}
	if gvk, scaled := scaler.GVK(c); scaled {
		// A missing CRD is the scaler's to tell.
		if err := r.watch(r.home(), gvk, untyped(gvk), r.wake(scaler.Names)); err != nil && !meta.IsNoMatchError(err) {
			return err
		}
	}
	return nil
}

// watchRoutes makes changes of routing objects wake canaries; formerly is the kind to watch where that is the one that
// is served, nil for none.
func (r *Reconciler) watchRoutes(at site, kind schema.GroupVersionKind, formerly *schema.GroupVersionKind) error {
	err := r.watch(at, kind, untyped(kind), r.wake(Routes))
	if formerly == nil || !meta.IsNoMatchError(err) {
		return err
	}
	if older := r.watch(at, *formerly, untyped(*formerly), r.wake(Routes)); !meta.IsNoMatchError(older) {
		return older
	}
	return err
}

// watchConfigs makes changes of configs wake the canaries whose workloads refer to them, once a look at one has shown
// that they may be watched.
func (r *Reconciler) watchConfigs() error {
	for _, kind := range r.Configs.Watchable() {
		object := kind.Metadata()
		if err := r.watch(r.home(), object.GroupVersionKind(), object, r.wakeUsers(kind)); err != nil {
			return err
		}
	}
	return nil
}

func untyped(gvk schema.GroupVersionKind) client.Object {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(gvk)
	return object
}

// site is a cluster that objects are kept in.
type site struct {
	client client.Client
	cache  cache.Cache
	// abroad is set where it is not the canaries' own.
	abroad bool
}

// deps are what routers of objects that are kept there are made of.
func (s site) deps() router.Deps { return router.Deps{Client: s.client, Owned: !s.abroad} }

// home is the canaries' own cluster.
func (r *Reconciler) home() site { return site{client: r.Client, cache: r.cache} }

// site is where the routing objects of a provider are kept.
func (r *Reconciler) site(row router.Row) site {
	if r.Mesh == nil || row.AtHome {
		return r.home()
	}
	return site{client: r.Mesh.Client, cache: r.Mesh.Cache, abroad: true}
}

// watched is a kind in a cluster.
type watched struct {
	kind   schema.GroupVersionKind
	abroad bool
}

// watch makes changes of a kind's objects wake canaries, from now on.
func (r *Reconciler) watch(at site, gvk schema.GroupVersionKind, object client.Object, wake handler.EventHandler) error {
	if r.controller == nil {
		return nil
	}
	key := watched{kind: gvk, abroad: at.abroad}
	r.watching.RLock()
	done := r.watched[key]
	r.watching.RUnlock()
	if done {
		return nil
	}
	r.watching.Lock()
	defer r.watching.Unlock()
	if r.watched[key] {
		return nil
	}
	if _, err := at.client.RESTMapper().RESTMapping(gvk.GroupKind(), gvk.Version); err != nil {
		return kube.NameCRD(err, gvk)
	}
	if err := r.controller.Watch(source.Kind(at.cache, object, wake)); err != nil {
		return fmt.Errorf("watch %s: %w", gvk.Kind, err)
	}
	r.watched[key] = true
	return nil
}
