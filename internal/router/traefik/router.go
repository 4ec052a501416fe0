package traefik

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// Texts of the contract, which users see in events.
const (
	textGet        = "TraefikService %s.%s get query error: %w"
	textNoServices = "TraefikService %s.%s services not found: %w"
)

var texts = router.Texts{Create: "TraefikService %s.%s create error: %w", Update: "TraefikService %s.%s update error: %w"}

// Router divides traffic by a TraefikService.
type Router struct {
	deps router.Deps
}

// New makes the router.
func New(deps router.Deps) *Router { return &Router{deps: deps} }

// Observe reports the weights of the TraefikService. One that leads to neither side is a user's that has not been
// taken over yet, and so router.ErrNotFound too. An invalid spec is router.ErrInvalidSpec.
func (r *Router) Observe(ctx context.Context, c *v1beta1.Canary) (rollout.Routing, error) {
	if err := router.ValidatePort(c); err != nil {
		return rollout.Routing{}, err
	}
	live, _, err := r.get(ctx, c)
	if err != nil {
		return rollout.Routing{}, err
	}
	if live == nil {
		return rollout.Routing{}, fmt.Errorf(textGet, router.ObjectName(c), c.Namespace, router.ErrNotFound)
	}
	traffic, found, err := read(c, live)
	if err != nil {
		return rollout.Routing{}, err
	}
	if !found {
		return rollout.Routing{}, fmt.Errorf(textNoServices, router.ObjectName(c), c.Namespace, router.ErrNotFound)
	}
	return rollout.Routing{Traffic: traffic, Acceptance: rollout.Taken}, nil
}

// Apply makes the TraefikService what the spec and want say. An invalid spec is router.ErrInvalidSpec; a TraefikService
// of another controller, or one that does more than lead to the apex Service, is router.ErrForeign.
func (r *Router) Apply(ctx context.Context, c *v1beta1.Canary, want rollout.Traffic) error {
	if err := router.ValidatePort(c); err != nil {
		return err
	}
	live, kind, err := r.get(ctx, c)
	if err != nil {
		return err
	}
	manifest, err := desired(kind, r.deps, c, live, want)
	if err != nil {
		return err
	}
	return r.deps.Write(ctx, live, manifest, texts)
}

// desired is the TraefikService as it is to be, given the one that is there, or nil.
func desired(kind schema.GroupVersionKind, deps router.Deps, c *v1beta1.Canary, live *unstructured.Unstructured, want rollout.Traffic) (kube.Manifest, error) {
	service, err := render(kind, c, live, want)
	if err != nil {
		return kube.Manifest{}, err
	}
	manifest := kube.Manifest{Object: service, Whole: []string{"spec.weighted.services"}}
	if live != nil && !deps.Claimed(c, live) {
		return manifest, router.TakeOver(live, service, func() (*original, error) { return originalOf(c, live, service) })
	}
	deps.Claim(c, service)
	manifest.Whole = append(manifest.Whole, "metadata.labels")
	return manifest, nil
}

// Release restores a user's TraefikService. One that was made for c goes with c.
func (r *Router) Release(ctx context.Context, c *v1beta1.Canary) error {
	live, _, err := r.get(ctx, c)
	if err != nil {
		return kube.IgnoreMissingCRD(err)
	}
	return r.deps.Release(ctx, c, live, handBack)
}

// get returns the TraefikService, or nil if there is none, and the kind that it has or would have.
func (r *Router) get(ctx context.Context, c *v1beta1.Canary) (*unstructured.Unstructured, schema.GroupVersionKind, error) {
	var service *unstructured.Unstructured
	kind, err := served(r.deps.Client.RESTMapper())
	if err == nil {
		service, err = r.deps.Get(ctx, kind, c.Namespace, router.ObjectName(c))
	}
	if err != nil {
		return nil, kind, fmt.Errorf(textGet, router.ObjectName(c), c.Namespace, err)
	}
	return service, kind, nil
}
