package gatewayapi

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// textGet is a text of the contract, which users see in events, as are texts.
const textGet = "HTTPRoute %s.%s get error: %w"

var texts = router.StepTexts{
	Create:     "HTTPRoute %s.%s create error: %w",
	SetWeights: "HTTPRoute %s.%s update error: %w while setting weights",
	Reconcile:  "HTTPRoute %s.%s update error: %w while reconciling",
}

// whole are the parts of the HTTPRoute that are ours alone.
var whole = []string{"metadata.labels", "spec.parentRefs", "spec.hostnames", "spec.rules"}

// Router divides traffic by an HTTPRoute.
type Router struct {
	version Version
	deps    router.Deps
}

// New makes the router of a version.
func New(v Version, deps router.Deps) *Router { return &Router{version: v, deps: deps} }

// Observe reports the weights of the HTTPRoute and whether its parents have accepted it. A route of the name without
// our backends is a user's that has not been taken over yet, and so router.ErrNotFound too. An invalid spec is
// router.ErrInvalidSpec.
func (r *Router) Observe(ctx context.Context, c *v1beta1.Canary) (rollout.Routing, error) {
	if err := r.Validate(c); err != nil {
		return rollout.Routing{}, err
	}
	live, err := r.deps.Need(ctx, c, r.version.kind(), textGet)
	if err != nil {
		return rollout.Routing{}, err
	}
	traffic, found, err := read(c, live)
	if err != nil {
		return rollout.Routing{}, fmt.Errorf(textGet, router.ObjectName(c), c.Namespace, err)
	}
	if !found {
		return rollout.Routing{}, fmt.Errorf(textGet, router.ObjectName(c), c.Namespace, router.ErrNotFound)
	}
	verdict, message, err := acceptance(live)
	if err != nil {
		return rollout.Routing{}, fmt.Errorf(textGet, router.ObjectName(c), c.Namespace, err)
	}
	return rollout.Routing{Traffic: traffic, Acceptance: verdict, Message: message}, nil
}

// Apply makes the HTTPRoute what the spec and want say. An invalid spec is router.ErrInvalidSpec, and an HTTPRoute of
// another controller router.ErrForeign.
func (r *Router) Apply(ctx context.Context, c *v1beta1.Canary, want rollout.Traffic) error {
	if err := r.Validate(c); err != nil {
		return err
	}
	live, err := r.deps.Find(ctx, c, r.version.kind(), textGet)
	if err != nil {
		return err
	}
	manifest, err := desired(r.version, r.deps, c, live, want)
	if err != nil {
		return err
	}
	found, _, _ := read(c, live) // what cannot be read divides nothing
	return r.deps.Write(ctx, live, manifest, texts.For(found, want))
}

// desired is the HTTPRoute as it is to be, given the one that is there, or nil.
func desired(v Version, deps router.Deps, c *v1beta1.Canary, live *unstructured.Unstructured, want rollout.Traffic) (kube.Manifest, error) {
	route, err := render(v, c, want)
	if err != nil {
		return kube.Manifest{}, router.InvalidSpec(err)
	}
	manifest := kube.Manifest{Object: route, Whole: whole}
	if live != nil && !deps.Claimed(c, live) {
		return manifest, router.TakeOver(live, route, func() (*original, error) { return originalOf(c, live, route) })
	}
	deps.Claim(c, route)
	return manifest, nil
}

// Release restores a user's HTTPRoute. One that was made for c goes with c.
func (r *Router) Release(ctx context.Context, c *v1beta1.Canary) error {
	live, err := r.deps.Find(ctx, c, r.version.kind(), textGet)
	if err != nil {
		return kube.IgnoreMissingCRD(err)
	}
	return r.deps.Release(ctx, c, live, handBack)
}
