package smi

import (
	"context"
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// Texts of the contract, which users see in events.
const (
	textGet      = "TrafficSplit %s.%s get query error: %w"
	textNoRoutes = "TrafficSplit %s.%s does not contain routes for %s and %s: %w"
)

var texts = router.Texts{Create: "TrafficSplit %s.%s create error: %w", Update: "TrafficSplit %s.%s update error: %w"}

// Router divides traffic by a TrafficSplit.
type Router struct {
	variant Variant
	deps    router.Deps
}

// New makes the router of a variant.
func New(v Variant, deps router.Deps) *Router { return &Router{variant: v, deps: deps} }

// Observe reports the weights of the TrafficSplit. One that leads to neither side is a user's that has not been taken
// over yet, and so router.ErrNotFound too.
func (r *Router) Observe(ctx context.Context, c *v1beta1.Canary) (rollout.Routing, error) {
	live, err := r.deps.Need(ctx, c, r.variant.kind(), textGet)
	if err != nil {
		return rollout.Routing{}, err
	}
	traffic, found, err := read(c, live)
	if err != nil {
		return rollout.Routing{}, err
	}
	if !found {
		return rollout.Routing{}, fmt.Errorf(textNoRoutes, router.ObjectName(c), c.Namespace, router.PrimaryService(c), router.CanaryService(c), router.ErrNotFound)
	}
	return rollout.Routing{Traffic: traffic, Acceptance: rollout.Taken}, nil
}

// Apply makes the TrafficSplit what the spec and want say. A TrafficSplit of another controller, or one that does more
// than lead to the apex Service, is router.ErrForeign.
func (r *Router) Apply(ctx context.Context, c *v1beta1.Canary, want rollout.Traffic) error {
	live, err := r.deps.Find(ctx, c, r.variant.kind(), textGet)
	if err != nil {
		return err
	}
	manifest, err := desired(r.variant, r.deps, c, live, want)
	if err != nil {
		return err
	}
	return r.write(ctx, live, manifest)
}

// desired is the TrafficSplit as it is to be, given the one that is there, or nil.
func desired(v Variant, deps router.Deps, c *v1beta1.Canary, live *unstructured.Unstructured, want rollout.Traffic) (kube.Manifest, error) {
	split, err := render(v, c, live, want)
	if err != nil {
		return kube.Manifest{}, err
	}
	manifest := kube.Manifest{Object: split, Whole: []string{"spec.backends"}}
	if live != nil && !deps.Claimed(c, live) {
		return manifest, router.TakeOver(live, split, func() (*original, error) { return originalOf(c, live, split) })
	}
	deps.Claim(c, split)
	return manifest, nil
}

// write makes live, nil for none, what manifest says.
func (r *Router) write(ctx context.Context, live *unstructured.Unstructured, manifest kube.Manifest) error {
	present, err := backends(live)
	if err != nil {
		return err
	}
	if live == nil || r.variant.api == v1alpha1 || !haveQuantities(present) {
		return r.deps.Write(ctx, live, manifest, texts)
	}
	if err := r.recast(ctx, live, manifest.Object); err != nil {
		return fmt.Errorf(texts.Update, live.GetName(), live.GetNamespace(), err)
	}
	return nil
}

// recast makes live, whose weights are quantities, what split says in a version that has numbers. An apply would be
// refused, because the API server cannot read in that version what is there; an ordinary patch only has to leave what
// can be read.
func (r *Router) recast(ctx context.Context, live, split *unstructured.Unstructured) error {
	list, err := backends(split)
	if err != nil {
		return err
	}
	recast := live.DeepCopy()
	annotations := map[string]string{}
	maps.Copy(annotations, live.GetAnnotations())
	maps.Copy(annotations, split.GetAnnotations())
	recast.SetAnnotations(annotations)
	if err := divide(recast, rootOf(split), list); err != nil {
		return err
	}
	return r.deps.Swap(ctx, live, recast)
}

// Release restores a user's TrafficSplit. One that was made for c goes with c.
func (r *Router) Release(ctx context.Context, c *v1beta1.Canary) error {
	live, err := r.deps.Find(ctx, c, r.variant.kind(), textGet)
	if err != nil {
		return kube.IgnoreMissingCRD(err)
	}
	return r.deps.Release(ctx, c, live, r.variant.handBack)
}
