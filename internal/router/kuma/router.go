package kuma

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
	textGet      = "TrafficRoute %s get query error: %w"
	textNoRoutes = "TrafficRoute %s does not contain routes for %s and %s: %w"
)

// texts leave out the namespace, of which there is none.
var texts = router.Texts{Create: "TrafficRoute %[1]s create error: %[3]w", Update: "TrafficRoute %[1]s update error: %[3]w"}

// whole are the parts of the TrafficRoute that are ours alone.
var whole = []string{"spec.sources", "spec.destinations", "spec.conf.split", "spec.conf.destination", "spec.conf.http"}

// Router divides traffic by a TrafficRoute.
type Router struct {
	deps router.Deps
}

// New makes the router. Whatever deps say, no TrafficRoute is owned by a canary.
func New(deps router.Deps) *Router {
	deps.Owned = false
	return &Router{deps: deps}
}

// Observe reports the weights of the TrafficRoute. One that leads to neither side is a user's that has not been taken
// over yet, and so router.ErrNotFound too. An invalid spec is router.ErrInvalidSpec.
func (r *Router) Observe(ctx context.Context, c *v1beta1.Canary) (rollout.Routing, error) {
	if err := router.ValidatePort(c); err != nil {
		return rollout.Routing{}, err
	}
	name, live, err := r.find(ctx, c)
	if err != nil {
		return rollout.Routing{}, err
	}
	if live == nil {
		return rollout.Routing{}, fmt.Errorf(textGet, name, router.ErrNotFound)
	}
	traffic, found := read(c, live)
	if !found {
		return rollout.Routing{}, fmt.Errorf(textNoRoutes, name, router.PrimaryService(c), router.CanaryService(c), router.ErrNotFound)
	}
	return rollout.Routing{Traffic: traffic, Acceptance: rollout.Taken}, nil
}

// Apply makes the TrafficRoute what the spec and want say. An invalid spec is router.ErrInvalidSpec; a TrafficRoute of
// somebody else that does more than lead to the apex Service is router.ErrForeign.
func (r *Router) Apply(ctx context.Context, c *v1beta1.Canary, want rollout.Traffic) error {
	if err := router.ValidatePort(c); err != nil {
		return err
	}
	name, live, err := r.find(ctx, c)
	if err != nil {
		return err
	}
	manifest, err := r.desired(c, name, live, want)
	if err != nil {
		return err
	}
	cleared, err := withoutDestination(live, manifest.Object)
	if err != nil {
		return err
	}
	return r.deps.Rewrite(ctx, live, cleared, manifest, texts)
}

// desired is the TrafficRoute of the name as it is to be, given the one that is there, or nil.
func (r *Router) desired(c *v1beta1.Canary, name string, live *unstructured.Unstructured, want rollout.Traffic) (kube.Manifest, error) {
	route := render(c, name, want)
	manifest := kube.Manifest{Object: route, Whole: whole}
	if live != nil && !r.isOurs(c, live) {
		return manifest, router.TakeOver(live, route, func() (*original, error) { return save(c, live, route) })
	}
	r.deps.Claim(c, route)
	manifest.Whole = append([]string{"metadata.labels"}, whole...)
	return manifest, nil
}

// isOurs says whether route was made for c.
func (r *Router) isOurs(c *v1beta1.Canary, route *unstructured.Unstructured) bool {
	return r.deps.Claimed(c, route) || isLeft(c, route)
}

// Release restores a user's TrafficRoute and deletes one that was made for c, or before it for its sides.
func (r *Router) Release(ctx context.Context, c *v1beta1.Canary) error {
	_, live, err := r.find(ctx, c)
	if err != nil {
		return kube.IgnoreMissingCRD(err)
	}
	if live != nil && r.isOurs(c, live) {
		return r.deps.Discard(ctx, live)
	}
	return r.deps.Release(ctx, c, live, handBack)
}

// find returns the name that the canary's TrafficRoute has or is to have, and what is there under it, nil for nothing.
func (r *Router) find(ctx context.Context, c *v1beta1.Canary) (string, *unstructured.Unstructured, error) {
	plain, err := r.get(ctx, plainName(c))
	if err != nil {
		return "", nil, err
	}
	full, err := r.get(ctx, fullName(c))
	if err != nil {
		return "", nil, err
	}
	name, live := r.choose(c, plain, full)
	return name, live, nil
}

// choose is find, given what there is under the one name and the other.
func (r *Router) choose(c *v1beta1.Canary, plain, full *unstructured.Unstructured) (string, *unstructured.Unstructured) {
	switch {
	case plain != nil && r.deps.Claimed(c, plain):
		return plainName(c), plain
	case full != nil && r.isOurs(c, full):
		return fullName(c), full
	case plain == nil || concerns(c, plain):
		return plainName(c), plain
	}
	return fullName(c), full
}

// get returns the TrafficRoute of the name, or nil if there is none.
func (r *Router) get(ctx context.Context, name string) (*unstructured.Unstructured, error) {
	route, err := r.deps.Get(ctx, kind, "", name)
	if err != nil {
		return nil, fmt.Errorf(textGet, name, err)
	}
	return route, nil
}
