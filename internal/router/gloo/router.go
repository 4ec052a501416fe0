package gloo

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
	textGet            = "RouteTable %s.%s get query error: %w"
	textNoDestinations = "RouteTable %s.%s destinations not found: %w"
)

var texts = router.Texts{Create: "RouteTable %s.%s create error: %w", Update: "RouteTable %s.%s update error: %w"}

// Router divides traffic by a RouteTable between two Upstreams.
type Router struct {
	labelPrefixes []string
	deps          router.Deps
}

// New makes the router. labelPrefixes say which labels of spec.upstreamRef the Upstreams inherit.
func New(labelPrefixes []string, deps router.Deps) *Router {
	return &Router{labelPrefixes: labelPrefixes, deps: deps}
}

// Observe reports the weights of the RouteTable. One that leads to neither side is a user's that has not been taken over
// yet, and so router.ErrNotFound too. An invalid spec is router.ErrInvalidSpec.
func (r *Router) Observe(ctx context.Context, c *v1beta1.Canary) (rollout.Routing, error) {
	if err := validate(c); err != nil {
		return rollout.Routing{}, err
	}
	live, err := r.deps.Need(ctx, c, tableKind, textGet)
	if err != nil {
		return rollout.Routing{}, err
	}
	traffic, found := read(c, live)
	if !found {
		return rollout.Routing{}, fmt.Errorf(textNoDestinations, router.ObjectName(c), c.Namespace, router.ErrNotFound)
	}
	return rollout.Routing{Traffic: traffic, Acceptance: rollout.Taken}, nil
}

// Apply makes the Upstreams what the spec says and then the RouteTable what want says. An invalid spec is
// router.ErrInvalidSpec; a RouteTable or an Upstream of another controller, a RouteTable that does more than lead to the
// apex Service and an Upstream that leads to another Service are router.ErrForeign. Upstreams that cannot be written
// are no error while users are brought back from the canary.
func (r *Router) Apply(ctx context.Context, c *v1beta1.Canary, want rollout.Traffic) error {
	if err := validate(c); err != nil {
		return err
	}
	live, err := r.deps.Find(ctx, c, tableKind, textGet)
	if err != nil {
		return err
	}
	manifest, err := desired(r.deps, c, live, want)
	if err != nil {
		return err
	}
	if err := r.supply(ctx, c); err != nil && !retreats(c, live, want) {
		return err
	}
	if err := r.deps.Write(ctx, live, manifest, texts); err != nil {
		return err
	}
	return r.sweep(ctx, c, live)
}

// desired is the RouteTable as it is to be, given the one that is there, or nil.
func desired(deps router.Deps, c *v1beta1.Canary, live *unstructured.Unstructured, want rollout.Traffic) (kube.Manifest, error) {
	table, err := render(c, live, want)
	if err != nil {
		return kube.Manifest{}, err
	}
	manifest := kube.Manifest{Object: table, Whole: []string{"spec.routes"}}
	if live != nil && !deps.Claimed(c, live) {
		return manifest, router.TakeOver(live, table, func() (*original, error) { return originalOf(c, live, table) })
	}
	deps.Claim(c, table)
	manifest.Whole = append(manifest.Whole, "metadata.labels")
	return manifest, nil
}

// retreats says whether want brings users of the canary back to an Upstream that live leads to already.
func retreats(c *v1beta1.Canary, live *unstructured.Unstructured, want rollout.Traffic) bool {
	now, _ := read(c, live)
	return want.Canary == 0 && now.Canary > 0 && leadsTo(c, live, primarySide(c).upstream)
}

// Release restores a user's RouteTable. One that was made for c goes with c, and then the Upstreams do.
func (r *Router) Release(ctx context.Context, c *v1beta1.Canary) error {
	live, err := r.deps.Find(ctx, c, tableKind, textGet)
	if err != nil {
		return kube.IgnoreMissingCRD(err)
	}
	if err := r.deps.Release(ctx, c, live, handBack); err != nil {
		return err
	}
	made, err := r.upstreams(ctx, c)
	if err != nil {
		return kube.IgnoreMissingCRD(err)
	}
	for i := range made {
		if err := r.deps.Discard(ctx, &made[i]); err != nil {
			return err
		}
	}
	return nil
}
