package apisix

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// Texts of the contract, which users see in events.
const (
	textSource    = "APISIX route %s.%s get query error: %w"
	textGet       = "APISIX route %s.%s query error: %w"
	textNoWeights = "RoutingRule %s.%s update failed: no valid weights"
)

var texts = router.Texts{Create: "APISIX route %s.%s create error: %w", Update: "APISIX route %s.%s update error: %w"}

// errMissing is why the user's route cannot be copied.
var errMissing = errors.New("not found")

// whole are the parts of the canary route that are ours alone.
var whole = []string{"spec"}

// Router divides traffic by the backends of a canary route.
type Router struct {
	deps router.Deps
}

// New makes the router.
func New(deps router.Deps) *Router { return &Router{deps: deps} }

// Observe reports the weights of the canary route and whether APISIX's controller has taken it. An ApisixRoute of the
// name that was not made for c is router.ErrNotFound too. An invalid spec is router.ErrInvalidSpec.
func (r *Router) Observe(ctx context.Context, c *v1beta1.Canary) (rollout.Routing, error) {
	if err := validate(c); err != nil {
		return rollout.Routing{}, err
	}
	live, err := r.live(ctx, c)
	if err != nil {
		return rollout.Routing{}, err
	}
	if live == nil || !r.isOurs(c, live) {
		return rollout.Routing{}, fmt.Errorf(textGet, canaryRoute(c), c.Namespace, router.ErrNotFound)
	}
	accepted, message, err := acceptance(live)
	if err != nil {
		return rollout.Routing{}, err
	}
	return rollout.Routing{Traffic: read(c, live), Acceptance: accepted, Message: message}, nil
}

// Apply makes the canary route what the user's route and want say. An invalid spec is router.ErrInvalidSpec; so is a
// reference to a route that is not there or cannot be divided, but not before the users have left the canary, if want
// is that. Another's ApisixRoute of the name is router.ErrForeign.
func (r *Router) Apply(ctx context.Context, c *v1beta1.Canary, want rollout.Traffic) error {
	if err := validate(c); err != nil {
		return err
	}
	if want.Primary <= 0 && want.Canary <= 0 {
		return fmt.Errorf(textNoWeights, router.ObjectName(c), c.Namespace)
	}
	live, err := r.live(ctx, c)
	if err != nil {
		return err
	}
	if live != nil && !r.isOurs(c, live) {
		return fmt.Errorf("ApisixRoute %s.%s, the copy of spec.routeRef, exists and was not made for this canary: %w",
			live.GetName(), live.GetNamespace(), router.ErrForeign)
	}
	source, err := r.deps.Get(ctx, kind, c.Namespace, c.Spec.RouteRef.Name)
	if err != nil {
		return fmt.Errorf(textSource, c.Spec.RouteRef.Name, c.Namespace, err)
	}
	route, err := r.desired(c, source, want)
	if err != nil {
		if live != nil && want.Canary == 0 && read(c, live).Canary > 0 {
			return r.empty(ctx, c, live)
		}
		return err
	}
	return r.deps.Write(ctx, live, kube.Manifest{Object: route, Whole: whole}, texts)
}

// isOurs says whether the canary route was made for c.
func (r *Router) isOurs(c *v1beta1.Canary, route *unstructured.Unstructured) bool {
	return r.deps.Claimed(c, route) || isFlaggers(c, route)
}

// desired is the canary route as it is to be, given the user's, nil for none.
func (r *Router) desired(c *v1beta1.Canary, source *unstructured.Unstructured, want rollout.Traffic) (*unstructured.Unstructured, error) {
	if source == nil {
		return nil, router.InvalidSpec(fmt.Errorf("spec.routeRef: "+textSource, c.Spec.RouteRef.Name, c.Namespace, errMissing))
	}
	route, err := render(c, source, want)
	if err != nil {
		return nil, err
	}
	r.deps.Claim(c, route)
	return route, nil
}

// empty sends the users of live, the canary route, back to the primary and leaves it as it is otherwise.
func (r *Router) empty(ctx context.Context, c *v1beta1.Canary, live *unstructured.Unstructured) error {
	emptied := live.DeepCopy()
	for _, one := range rules(emptied) {
		if candidate := find(one, router.CanaryService(c)); candidate != nil {
			one["backends"] = sides(c, candidate, rollout.ToPrimary())
		}
	}
	if err := r.deps.Swap(ctx, live, emptied); err != nil {
		return fmt.Errorf(texts.Update, live.GetName(), live.GetNamespace(), err)
	}
	return nil
}

// Release leaves the user's route, which leads to the apex Service as ever. The canary route goes with c: by its owner
// reference or, where there can be none, now.
func (r *Router) Release(ctx context.Context, c *v1beta1.Canary) error {
	if r.deps.Owned || validate(c) != nil {
		return nil
	}
	live, err := r.live(ctx, c)
	if err != nil || live == nil || !r.isOurs(c, live) {
		return kube.IgnoreMissingCRD(err)
	}
	return r.deps.Discard(ctx, live)
}

// live is the canary route as it is, nil for none.
func (r *Router) live(ctx context.Context, c *v1beta1.Canary) (*unstructured.Unstructured, error) {
	route, err := r.deps.Get(ctx, kind, c.Namespace, canaryRoute(c))
	if err != nil {
		return nil, fmt.Errorf(textGet, canaryRoute(c), c.Namespace, err)
	}
	return route, nil
}
