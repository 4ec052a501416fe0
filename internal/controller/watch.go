package controller

import (
	"cmp"
	"context"
	"fmt"
	"slices"
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
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/workload/configs"
	"flagger.app/flagger/internal/workload/scaler"
)

// Indices of canaries in the cache, by the names of the objects whose changes concern them.
const (
	targetIndex  = "workloads"
	serviceIndex = "services"
	scalerIndex  = "autoscalers"
)

const (
	primarySuffix = "-primary"
	canarySuffix  = "-canary"
)

const (
	firstRetry   = 100 * time.Millisecond
	longestRetry = 30 * time.Second
)

// Workloads returns the names of the target and its primary: the values of the index of canaries by workload.
func Workloads(c *v1beta1.Canary) []string {
	return []string{c.Spec.TargetRef.Name, c.Spec.TargetRef.Name + primarySuffix}
}

// Apexes returns the names of the Services, the first of which is the routing object's too. Those of a target that is
// a Service itself are named after it, and the routing object after the name that users call.
func Apexes(c *v1beta1.Canary) []string {
	base := cmp.Or(c.Spec.Service.Name, c.Spec.TargetRef.Name)
	names := []string{base}
	if c.Spec.TargetRef.Kind == "Service" {
		base = c.Spec.TargetRef.Name
		names = slices.Compact([]string{names[0], base})
	}
	return append(names, base+primarySuffix, base+canarySuffix)
}

// Index adds the indices that the reconciler looks canaries, and the workloads of configs, up by to a cache.
func Index(ctx context.Context, indexer client.FieldIndexer) error {
	for field, names := range map[string]func(*v1beta1.Canary) []string{
		targetIndex: Workloads, serviceIndex: Apexes, scalerIndex: scaler.Names,
	} {
		extract := func(o client.Object) []string { return names(o.(*v1beta1.Canary)) }
		if err := indexer.IndexField(ctx, &v1beta1.Canary{}, field, extract); err != nil {
			return fmt.Errorf("index canaries by %s: %w", field, err)
		}
	}
	return configs.Index(ctx, indexer)
}

// SetupWithManager starts the reconciler with mgr: every canary is woken by its own changes and by those of its
// workloads and Services. Routing objects, autoscalers and configs are watched once a canary needs them, as CRDs or
// permissions may be missing.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	if err := Index(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	recoverPanic := true
	built, err := ctrl.NewControllerManagedBy(mgr).
		For(&v1beta1.Canary{}).
		Watches(&v1beta1.Canary{}, r.wake(targetIndex)).
		Watches(&appsv1.Deployment{}, r.wake(targetIndex)).
		Watches(&appsv1.DaemonSet{}, r.wake(targetIndex)).
		Watches(&corev1.Service{}, r.wake(serviceIndex)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: r.Concurrency,
			RecoverPanic:            &recoverPanic,
			LogConstructor:          func(*reconcile.Request) logr.Logger { return mgr.GetLogger() }, // Reconcile adds what users filter on
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, longestRetry),
		}).
		Build(r)
	if err != nil {
		return err
	}
	r.controller, r.cache = built, mgr.GetCache()
	return mgr.Add(census{r})
}

// wake maps an object to the canaries that look it up under its name, a canary to those it shares a target with.
func (r *Reconciler) wake(index string) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
		name := o.GetName()
		if c, isCanary := o.(*v1beta1.Canary); isCanary {
			name = c.Spec.TargetRef.Name
		}
		return r.lookup(ctx, o.GetNamespace(), index, name)
	})
}

// lookup finds the canaries of a namespace that an index holds under a name.
func (r *Reconciler) lookup(ctx context.Context, namespace, index, name string) []reconcile.Request {
	canaries := &v1beta1.CanaryList{}
	err := r.Client.List(ctx, canaries, client.InNamespace(namespace), client.MatchingFields{index: name}, client.DisableReadYourWritesConsistency)
	if err != nil {
		log.FromContext(ctx).Error(err, "list canaries to wake", "index", index, "name", name)
	}
	var requests []reconcile.Request
	for i := range canaries.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&canaries.Items[i])})
	}
	return requests
}

// wakeUsers maps a config to the canaries of the workloads that refer to it.
func (r *Reconciler) wakeUsers(kind configs.Kind) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
		var requests []reconcile.Request
		key := client.MatchingFields{configs.ReferenceIndex: configs.Key(kind, o.GetName())}
		for _, list := range []client.ObjectList{&appsv1.DeploymentList{}, &appsv1.DaemonSetList{}} {
			err := r.Client.List(ctx, list, client.InNamespace(o.GetNamespace()), key, client.DisableReadYourWritesConsistency)
			if err != nil {
				log.FromContext(ctx).Error(err, "list workloads of a config", "kind", kind, "name", o.GetName())
				continue
			}
			for _, name := range namesIn(list) {
				requests = append(requests, r.lookup(ctx, o.GetNamespace(), targetIndex, name)...)
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
	if row.Watch != nil {
		if err := r.watch(*row.Watch, untyped(*row.Watch), r.wake(serviceIndex)); err != nil {
			return err
		}
	}
	if gvk, scaled := scaler.GVK(c); scaled {
		// A missing CRD is the scaler's to tell.
		if err := r.watch(gvk, untyped(gvk), r.wake(scalerIndex)); err != nil && !meta.IsNoMatchError(err) {
			return err
		}
	}
	return nil
}

// watchConfigs makes changes of configs wake the canaries whose workloads refer to them, once a look at one has shown
// that they may be watched.
func (r *Reconciler) watchConfigs() error {
	for _, kind := range r.Configs.Watchable() {
		object := kind.Metadata()
		if err := r.watch(object.GroupVersionKind(), object, r.wakeUsers(kind)); err != nil {
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

// watch makes changes of a kind's objects wake canaries, from now on.
func (r *Reconciler) watch(gvk schema.GroupVersionKind, object client.Object, wake handler.EventHandler) error {
	if r.controller == nil {
		return nil
	}
	r.watching.RLock()
	watched := r.watched[gvk]
	r.watching.RUnlock()
	if watched {
		return nil
	}
	r.watching.Lock()
	defer r.watching.Unlock()
	if r.watched[gvk] {
		return nil
	}
	if _, err := r.Client.RESTMapper().RESTMapping(gvk.GroupKind(), gvk.Version); err != nil {
		return kube.NameCRD(err, gvk)
	}
	if err := r.controller.Watch(source.Kind(r.cache, object, wake)); err != nil {
		return fmt.Errorf("watch %s: %w", gvk.Kind, err)
	}
	r.watched[gvk] = true
	return nil
}
