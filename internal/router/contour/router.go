package contour

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// Texts of the contract, which users see in events.
const (
	textGet        = "HTTPProxy %s.%s get query error: %w"
	textNoServices = "HTTPProxy %s.%s services not found: %w"
)

var texts = router.Texts{Create: "HTTPProxy %s.%s create error: %w", Update: "HTTPProxy %s.%s update error: %w"}

// Router divides traffic by an HTTPProxy.
type Router struct {
	class string
	deps  router.Deps
}

// New makes the router of an ingress class; if it is empty, the class of an HTTPProxy is left alone.
func New(ingressClass string, deps router.Deps) *Router {
	return &Router{class: ingressClass, deps: deps}
}

// Observe reports the weights of the HTTPProxy and whether Contour has taken it. One that leads to neither side is a
// user's that has not been taken over yet, and so router.ErrNotFound too. An invalid spec is router.ErrInvalidSpec.
func (r *Router) Observe(ctx context.Context, c *v1beta1.Canary) (rollout.Routing, error) {
	if err := validate(c); err != nil {
		return rollout.Routing{}, err
	}
	live, err := r.deps.Need(ctx, c, kind, textGet)
	if err != nil {
		return rollout.Routing{}, err
	}
	traffic, found := read(c, live)
	if !found {
		return rollout.Routing{}, fmt.Errorf(textNoServices, router.ObjectName(c), c.Namespace, router.ErrNotFound)
	}
	accepted, message := acceptance(live)
	return rollout.Routing{Traffic: traffic, Acceptance: accepted, Message: message}, nil
}

// Apply makes the HTTPProxy what the spec and want say. An invalid spec is router.ErrInvalidSpec; an HTTPProxy of
// another controller, or one that does more than lead to the apex Service, is router.ErrForeign.
func (r *Router) Apply(ctx context.Context, c *v1beta1.Canary, want rollout.Traffic) error {
	if err := validate(c); err != nil {
		return err
	}
	live, err := r.deps.Find(ctx, c, kind, textGet)
	if err != nil {
		return err
	}
	manifest, err := r.desired(c, live, want)
	if err != nil {
		return err
	}
	return r.deps.Write(ctx, live, manifest, texts)
}

// desired is the HTTPProxy as it is to be, given the one that is there, or nil.
func (r *Router) desired(c *v1beta1.Canary, live *unstructured.Unstructured, want rollout.Traffic) (kube.Manifest, error) {
	proxy, err := render(r.class, c, live, want)
	if err != nil {
		return kube.Manifest{}, err
	}
	manifest := kube.Manifest{Object: proxy, Whole: []string{"spec." + routesField}}
	if live != nil && !r.deps.Claimed(c, live) {
		return manifest, router.TakeOver(live, proxy, func() (*original, error) { return r.originalOf(c, live, proxy) })
	}
	r.deps.Claim(c, proxy)
	manifest.Whole = append(manifest.Whole, "metadata.labels")
	return manifest, nil
}

// Release restores a user's HTTPProxy. One that was made for c goes with c.
func (r *Router) Release(ctx context.Context, c *v1beta1.Canary) error {
	live, err := r.deps.Find(ctx, c, kind, textGet)
	if err != nil {
		return kube.IgnoreMissingCRD(err)
	}
	return r.deps.Release(ctx, c, live, r.handBack)
}
