package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/workload/configs"
)

// stemIndex is the index of canaries in the cache by Stems. Every value of an index takes several times the room of the
// value, so the many names that wake a canary are not all in it.
const stemIndex = "stems"

const (
	primarySuffix = "-primary"
	canarySuffix  = "-canary"
)

// names are those of the objects of some kind whose changes concern a canary.
type names func(*v1beta1.Canary) []string

// Workloads returns the names of the target and its primary.
func Workloads(c *v1beta1.Canary) []string {
	return []string{c.Spec.TargetRef.Name, c.Spec.TargetRef.Name + primarySuffix}
}

// Apexes returns the names of the three Services.
func Apexes(c *v1beta1.Canary) []string {
	return []string{router.ApexService(c), router.PrimaryService(c), router.CanaryService(c)}
}

// Routes returns the names of the routing objects: the user's own that the spec refers to, those copied from them, those
// that are named after what users call and after the two sides, with the namespace as well where the object's own does not
// count, and a target that routes by itself.
func Routes(c *v1beta1.Canary) []string {
	apex, target := router.ObjectName(c), c.Spec.TargetRef.Name
	names := []string{
		apex, router.PrimaryService(c), router.CanaryService(c), target,
		apex + "." + c.Namespace, apex + canarySuffix + "." + c.Namespace,
	}
	for _, side := range []string{"primary", "canary"} { // Gloo's
		names = append(names, fmt.Sprintf("%s-%s-%supstream-%d", c.Namespace, apex, side, int64(c.Spec.Service.Port)))
	}
	if ref := c.Spec.UpstreamRef; ref != nil {
		names = append(names, ref.Name)
	}
	for _, ref := range []*v1beta1.LocalObjectReference{c.Spec.IngressRef, c.Spec.RouteRef} {
		if ref != nil {
			names = append(names, ref.Name, ref.Name+canarySuffix, ref.Name+"-"+apex+canarySuffix)
		}
	}
	return names
}

// Stems returns what the names of all objects that concern c are made of, each once: the values of its index.
func Stems(c *v1beta1.Canary) []string {
	apex := router.ObjectName(c)
	stems := []string{c.Spec.TargetRef.Name, apex}
	for _, ref := range []*v1beta1.LocalObjectReference{c.Spec.IngressRef, c.Spec.RouteRef} {
		if ref != nil {
			stems = append(stems, ref.Name, ref.Name+"-"+apex)
		}
	}
	if ref := c.Spec.UpstreamRef; ref != nil {
		stems = append(stems, ref.Name)
	}
	if ref := c.Spec.AutoscalerRef; ref != nil {
		stems = append(stems, ref.Name)
	}
	slices.Sort(stems)
	return slices.Compact(stems)
}

// stemsOf returns what the name of an object may be made of: the name itself, and what comes before our endings.
func stemsOf(namespace, name string) []string {
	stems := []string{name}
	inner, isQualified := strings.CutSuffix(name, "."+namespace)
	if isQualified {
		stems = append(stems, inner)
	}
	for _, suffix := range []string{primarySuffix, canarySuffix} {
		if stem, cut := strings.CutSuffix(inner, suffix); cut {
			stems = append(stems, stem)
		}
		if upstream, cut := strings.CutPrefix(name, namespace+"-"); cut { // Gloo's
			if end := strings.LastIndex(upstream, suffix+"upstream-"); end >= 0 {
				stems = append(stems, upstream[:end])
			}
		}
	}
	return stems
}

// Index adds the indices that the reconciler looks canaries, and the workloads of configs, up by to a cache.
func Index(ctx context.Context, indexer client.FieldIndexer) error {
	extract := func(o client.Object) []string { return Stems(kube.Unpack(o).(*v1beta1.Canary)) }
	if err := indexer.IndexField(ctx, &v1beta1.Canary{}, stemIndex, extract); err != nil {
		return fmt.Errorf("index canaries by %s: %w", stemIndex, err)
	}
	return configs.Index(ctx, indexer)
}

// wake maps an object to the canaries that have its name among theirs, a canary to those it shares a target with.
func (r *Reconciler) wake(among names) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
		name := o.GetName()
		if c, isCanary := kube.Unpack(o).(*v1beta1.Canary); isCanary {
			name = c.Spec.TargetRef.Name
		}
		return r.lookup(ctx, o.GetNamespace(), name, among)
	})
}

// lookup finds the canaries of a namespace that have a name among theirs.
func (r *Reconciler) lookup(ctx context.Context, namespace, name string, among names) []reconcile.Request {
	canaries, err := r.related(ctx, namespace, name)
	if err != nil {
		log.FromContext(ctx).Error(err, "list canaries to wake", "name", name)
	}
	var requests []reconcile.Request
	for i := range canaries {
		if slices.Contains(among(&canaries[i]), name) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&canaries[i])})
		}
	}
	return requests
}

// related returns all canaries of a namespace that an object of this name may concern, some twice.
func (r *Reconciler) related(ctx context.Context, namespace, name string) ([]v1beta1.Canary, error) {
	var found []v1beta1.Canary
	for _, stem := range stemsOf(namespace, name) {
		canaries := &v1beta1.CanaryList{}
		err := r.Client.List(ctx, canaries, client.InNamespace(namespace), client.MatchingFields{stemIndex: stem}, client.DisableReadYourWritesConsistency)
		if err != nil {
			return found, fmt.Errorf("list canaries of %s: %w", stem, err)
		}
		found = append(found, canaries.Items...)
	}
	return found, nil
}
