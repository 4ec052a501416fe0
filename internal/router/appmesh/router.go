package appmesh

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// Texts of the contract, which users see in events, and their like for what it does not name.
const (
	textGet       = "%s %s.%s get query error: %w"
	textNoRoutes  = "%s routes %s not found: %w"
	textNoService = "service %s.%s get query error: %w"
)

// textsOf are the contract's for a write of an object of the kind.
func textsOf(kind string) router.Texts {
	return router.Texts{Create: kind + " %s.%s create error: %w", Update: kind + " %s.%s update error: %w"}
}

// Router divides traffic by the objects of App Mesh's controller.
type Router struct {
	version Version
	deps    router.Deps
}

// New makes the router of a version.
func New(v Version, deps router.Deps) *Router { return &Router{version: v, deps: deps} }

// Observe reports the weights of the apex's routes and, in v1beta2, whether App Mesh has taken them. An object without
// ways to either side is a user's that has not been taken over yet, and so router.ErrNotFound too. An invalid spec is
// router.ErrInvalidSpec.
func (r *Router) Observe(ctx context.Context, c *v1beta1.Canary) (rollout.Routing, error) {
	if _, err := r.version.parse(c); err != nil {
		return rollout.Routing{}, err
	}
	name := r.version.routing(c)
	live, err := r.deps.Get(ctx, gvk(r.version.api, r.version.watch), c.Namespace, name)
	if err == nil && live == nil {
		err = router.ErrNotFound
	}
	if err != nil {
		return rollout.Routing{}, fmt.Errorf(textGet, r.version.watch, name, c.Namespace, err)
	}
	traffic, found, err := r.version.read(c, live)
	if err != nil {
		return rollout.Routing{}, err
	}
	if !found {
		return rollout.Routing{}, fmt.Errorf(textNoRoutes, r.version.watch, name, router.ErrNotFound)
	}
	accepted, message, err := r.version.acceptance(live)
	return rollout.Routing{Traffic: traffic, Acceptance: accepted, Message: message}, err
}

// Apply makes the objects what the spec and want say. Nothing is written if one of them is another controller's or
// leads elsewhere, which is router.ErrForeign, nor for an invalid spec, which is router.ErrInvalidSpec.
func (r *Router) Apply(ctx context.Context, c *v1beta1.Canary, want rollout.Traffic) error {
	changes, err := r.changes(ctx, c, want)
	if err != nil {
		return err
	}
	for _, one := range changes {
		if err := r.perform(ctx, one); err != nil {
			return err
		}
	}
	return nil
}

// Prepare makes the VirtualNodes alone, to which nothing leads yet, and leaves those of a user to Apply. A pod joins the
// mesh as it starts, and only where its VirtualNode is there already, so this comes before the primary. It returns the
// errors of Apply.
func (r *Router) Prepare(ctx context.Context, c *v1beta1.Canary) error {
	changes, err := r.changes(ctx, c, rollout.ToPrimary())
	if err != nil {
		return err
	}
	for _, one := range changes {
		if one.manifest.Object.GetKind() != kindNode || one.live != nil && !r.deps.Claimed(c, one.live) {
			continue
		}
		if err := r.perform(ctx, one); err != nil {
			return err
		}
	}
	return nil
}

// changes are those of all pieces, in an order by which what traffic is led to exists before.
func (r *Router) changes(ctx context.Context, c *v1beta1.Canary, want rollout.Traffic) ([]change, error) {
	asked, err := r.version.parse(c)
	if err != nil {
		return nil, err
	}
	lives, err := r.lives(ctx, c)
	if err != nil {
		return nil, err
	}
	pods, err := r.pods(ctx, c)
	if err != nil {
		return nil, err
	}
	var changes []change
	for i, p := range r.version.pieces(c, sheet{settings: asked, want: want, pods: pods}) {
		one, err := plan(r.deps, c, p, lives[i])
		if err != nil {
			return nil, err
		}
		changes = append(changes, one)
	}
	return changes, nil
}

// lives are the objects that are there, in the order of the pieces, with nil for one that is not.
func (r *Router) lives(ctx context.Context, c *v1beta1.Canary) ([]*unstructured.Unstructured, error) {
	var lives []*unstructured.Unstructured
	for _, p := range r.version.pieces(c, sheet{}) {
		live, err := r.deps.Get(ctx, p.kind, c.Namespace, p.name)
		if err != nil {
			return nil, fmt.Errorf(textGet, p.kind.Kind, p.name, c.Namespace, err)
		}
		lives = append(lives, live)
	}
	return lives, nil
}

// pods are the selectors of the Services of the two sides, by name. There are none where VirtualNodes have no selector,
// where the pods are in another cluster, and where they are the user's own, behind a target that is a Service.
func (r *Router) pods(ctx context.Context, c *v1beta1.Canary) (map[string]map[string]string, error) {
	if !r.version.podSelector || !r.deps.Owned || c.Spec.TargetRef.Kind == "Service" {
		return nil, nil
	}
	pods := map[string]map[string]string{}
	for _, name := range []string{router.PrimaryService(c), router.CanaryService(c)} {
		service := &corev1.Service{}
		if err := r.deps.Client.Get(ctx, client.ObjectKey{Namespace: c.Namespace, Name: name}, service); err != nil {
			return nil, fmt.Errorf(textNoService, name, c.Namespace, err)
		}
		pods[name] = service.Spec.Selector
	}
	return pods, nil
}

// change is what there is to be of one piece.
type change struct {
	live     *unstructured.Unstructured
	manifest kube.Manifest
	// cleared is live without annotations that the spec asks for no longer, which an apply would leave; nil where it has
	// none of these.
	cleared *unstructured.Unstructured
}

// plan is the change by which live, nil for none, becomes what p says.
func plan(deps router.Deps, c *v1beta1.Canary, p piece, live *unstructured.Unstructured) (change, error) {
	rendered := p.render(c, live)
	one := change{live: live, manifest: kube.Manifest{Object: rendered, Whole: p.whole}}
	if live != nil && !deps.Claimed(c, live) {
		return one, p.takeOver(c, live, rendered)
	}
	deps.Claim(c, rendered)
	one.manifest.Whole = slices.Concat(p.whole, p.exact)
	if live != nil {
		one.cleared = p.withdraw(live)
	}
	return one, nil
}

// perform writes a change, if there is any.
func (r *Router) perform(ctx context.Context, one change) error {
	return r.deps.Rewrite(ctx, one.live, one.cleared, one.manifest, textsOf(one.manifest.Object.GetKind()))
}

// Release restores a user's objects, beginning with those by which traffic enters. Those that were made for c go with
// c.
func (r *Router) Release(ctx context.Context, c *v1beta1.Canary) error {
	lives, err := r.lives(ctx, c)
	if err != nil {
		return kube.IgnoreMissingCRD(err)
	}
	pieces := r.version.pieces(c, sheet{})
	for i, live := range slices.Backward(lives) {
		if err := r.deps.Release(ctx, c, live, pieces[i].handBack); err != nil {
			return err
		}
	}
	return nil
}
