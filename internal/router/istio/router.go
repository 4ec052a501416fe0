package istio

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
	textGet      = "VirtualService %s.%s get query error: %w"
	textNoRoutes = "VirtualService %s.%s does not contain routes for %s and %s: %w"
	textGetRule  = "reconcileDestinationRule failed: DestinationRule %s.%s get query error: %w"
)

var (
	texts = router.StepTexts{
		Create:     "reconcileVirtualService failed: VirtualService %s.%s create error: %w",
		SetWeights: "VirtualService %s.%s update failed: %w",
		Reconcile:  "reconcileVirtualService failed: VirtualService %s.%s update error: %w",
	}
	ruleTexts = router.Texts{
		Create: "reconcileDestinationRule failed: DestinationRule %s.%s create error: %w",
		Update: "reconcileDestinationRule failed: DestinationRule %s.%s update error: %w",
	}
)

// Router divides traffic by a VirtualService, with a DestinationRule for each side.
type Router struct {
	deps router.Deps
}

// New makes the router.
func New(deps router.Deps) *Router { return &Router{deps: deps} }

// Observe reports the weights of the VirtualService and whether Istio has taken it. One that does not lead to both
// sides is a user's that has not been taken over yet, and so router.ErrNotFound too. An invalid spec is
// router.ErrInvalidSpec.
func (r *Router) Observe(ctx context.Context, c *v1beta1.Canary) (rollout.Routing, error) {
	if err := validate(c); err != nil {
		return rollout.Routing{}, err
	}
	live, err := r.deps.Need(ctx, c, routeKind, textGet)
	if err != nil {
		return rollout.Routing{}, err
	}
	traffic, found, err := read(c, live)
	if err != nil {
		return rollout.Routing{}, err
	}
	if !found {
		return rollout.Routing{}, fmt.Errorf(textNoRoutes, router.ObjectName(c), c.Namespace,
			router.PrimaryService(c), router.CanaryService(c), router.ErrNotFound)
	}
	verdict, message, err := acceptance(live)
	if err != nil {
		return rollout.Routing{}, err
	}
	return rollout.Routing{Traffic: traffic, Acceptance: verdict, Message: message}, nil
}

// Apply makes the DestinationRules what the spec says and then the VirtualService what the spec and want say. An
// invalid spec is router.ErrInvalidSpec; a VirtualService of another controller, or a DestinationRule that was not made
// for c, is router.ErrForeign. Trouble with a DestinationRule sends nobody to the canary and keeps nobody from leaving.
func (r *Router) Apply(ctx context.Context, c *v1beta1.Canary, want rollout.Traffic) error {
	if err := validate(c); err != nil {
		return err
	}
	live, err := r.deps.Find(ctx, c, routeKind, textGet)
	if err != nil {
		return err
	}
	trouble := r.applyRules(ctx, c)
	if trouble != nil && !sendsNoMore(c, live, want) {
		return trouble
	}
	return errors.Join(trouble, r.applyRoute(ctx, c, live, want))
}

// sendsNoMore says whether want gives the canary no more users than live does.
func sendsNoMore(c *v1beta1.Canary, live *unstructured.Unstructured, want rollout.Traffic) bool {
	traffic, found, err := read(c, live)
	return err == nil && found && want.Canary <= traffic.Canary
}

// applyRoute makes live, the VirtualService or nil, what the spec and want say.
func (r *Router) applyRoute(ctx context.Context, c *v1beta1.Canary, live *unstructured.Unstructured, want rollout.Traffic) error {
	manifest, err := desired(r.deps, c, live, want)
	if err != nil {
		return err
	}
	found, _, _ := read(c, live) // what cannot be read divides nothing
	return r.deps.Write(ctx, live, manifest, texts.For(found, want))
}

// desired is the VirtualService as it is to be, given the one that is there, or nil.
func desired(deps router.Deps, c *v1beta1.Canary, live *unstructured.Unstructured, want rollout.Traffic) (kube.Manifest, error) {
	route, err := render(c, want)
	if err != nil {
		return kube.Manifest{}, router.InvalidSpec(err)
	}
	ours, err := whole(c, live)
	if err != nil {
		return kube.Manifest{}, err
	}
	if live != nil && !deps.Claimed(c, live) {
		return kube.Manifest{Object: route, Whole: ours}, router.TakeOver(live, route, func() (*original, error) {
			return originalOf(c, live, route)
		})
	}
	deps.Claim(c, route)
	return kube.Manifest{Object: route, Whole: append(ours, "metadata.labels")}, nil
}

// whole are the parts of the VirtualService's spec that are ours alone. Routes of the other protocol are so if they lead
// to our sides, which they do when the spec has gone over to this one.
func whole(c *v1beta1.Canary, live *unstructured.Unstructured) ([]string, error) {
	present, err := specOf(live)
	if err != nil {
		return nil, err
	}
	ours := []string{"spec.hosts", "spec.gateways"}
	if isTCP(c) || leadsToASide(c, asHTTP(present.TCP)) {
		ours = append(ours, "spec.tcp")
	}
	if !isTCP(c) || leadsToASide(c, present.HTTP) {
		ours = append(ours, "spec.http")
	}
	return ours, nil
}

// applyRules makes the DestinationRules of both sides what the spec says; the canary's comes first.
func (r *Router) applyRules(ctx context.Context, c *v1beta1.Canary) error {
	for _, service := range []string{router.CanaryService(c), router.PrimaryService(c)} {
		if err := r.applyRule(ctx, c, service); err != nil {
			return err
		}
	}
	return nil
}

func (r *Router) applyRule(ctx context.Context, c *v1beta1.Canary, service string) error {
	live, err := r.deps.Get(ctx, ruleKind, c.Namespace, service)
	if err != nil {
		return fmt.Errorf(textGetRule, service, c.Namespace, err)
	}
	manifest, err := desiredRule(r.deps, c, live, service)
	if err != nil {
		return err
	}
	return r.deps.Write(ctx, live, manifest, ruleTexts)
}

// Release restores a user's VirtualService. What was made for c goes with c.
func (r *Router) Release(ctx context.Context, c *v1beta1.Canary) error {
	live, err := r.deps.Find(ctx, c, routeKind, textGet)
	if err == nil {
		err = r.deps.Release(ctx, c, live, handBack)
	}
	if kube.IgnoreMissingCRD(err) != nil {
		return err
	}
	for _, service := range []string{router.CanaryService(c), router.PrimaryService(c)} {
		rule, err := r.deps.Get(ctx, ruleKind, c.Namespace, service)
		if err == nil && rule != nil && r.deps.Claimed(c, rule) {
			err = r.deps.Discard(ctx, rule)
		}
		if kube.IgnoreMissingCRD(err) != nil {
			return err
		}
	}
	return nil
}
