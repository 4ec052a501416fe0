package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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
)

// Indices of canaries in the cache, by the names of the objects whose changes concern them.
const (
	targetIndex  = "workloads"
	serviceIndex = "services"
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

// Apexes returns the names of the three Services, the first of which is the routing object's too.
func Apexes(c *v1beta1.Canary) []string {
	apex := c.Spec.Service.Name
	if apex == "" {
		apex = c.Spec.TargetRef.Name
	}
	return []string{apex, apex + primarySuffix, apex + canarySuffix}
}

// Index adds the indices that the reconciler looks canaries up by to a cache.
func Index(ctx context.Context, indexer client.FieldIndexer) error {
	for field, names := range map[string]func(*v1beta1.Canary) []string{targetIndex: Workloads, serviceIndex: Apexes} {
		extract := func(o client.Object) []string { return names(o.(*v1beta1.Canary)) }
		if err := indexer.IndexField(ctx, &v1beta1.Canary{}, field, extract); err != nil {
			return fmt.Errorf("index canaries by %s: %w", field, err)
		}
	}
	return nil
}

// SetupWithManager starts the reconciler with mgr: every canary is woken by its own changes and by those of its
// workloads and Services. Routing objects are watched once a canary needs them, as their CRDs may be missing.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	if err := Index(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	recoverPanic := true
	built, err := ctrl.NewControllerManagedBy(mgr).
		For(&v1beta1.Canary{}).
		Watches(&v1beta1.Canary{}, r.wake(targetIndex)).
		Watches(&appsv1.Deployment{}, r.wake(targetIndex)).
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
		canaries := &v1beta1.CanaryList{}
		if err := r.Client.List(ctx, canaries, client.InNamespace(o.GetNamespace()), client.MatchingFields{index: name}); err != nil {
			log.FromContext(ctx).Error(err, "list canaries to wake", "index", index, "name", name)
		}
		var requests []reconcile.Request
		for i := range canaries.Items {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&canaries.Items[i])})
		}
		return requests
	})
}

// watch makes changes of a provider's routing objects wake their canaries. Its error says which CRD is missing.
func (r *Reconciler) watch(gvk *schema.GroupVersionKind) error {
	if gvk == nil || r.controller == nil {
		return nil
	}
	r.watching.RLock()
	watched := r.watched[*gvk]
	r.watching.RUnlock()
	if watched {
		return nil
	}
	r.watching.Lock()
	defer r.watching.Unlock()
	if r.watched[*gvk] {
		return nil
	}
	if _, err := r.Client.RESTMapper().RESTMapping(gvk.GroupKind(), gvk.Version); err != nil {
		return kube.NameCRD(err, *gvk)
	}
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(*gvk)
	if err := r.controller.Watch(source.Kind[client.Object](r.cache, object, r.wake(serviceIndex))); err != nil {
		return fmt.Errorf("watch %s: %w", gvk.Kind, err)
	}
	r.watched[*gvk] = true
	return nil
}
