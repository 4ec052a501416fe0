package skipper

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/ingress"
)

// Texts of the contract, which users see in events.
const (
	textSource = "apexIngress %s.%s get query error: %w"
	textGet    = "ingress %s.%s query error: %w"
	textCreate = "ingress %s.%s create error: %w"
	textUpdate = "ingress %s.%s update error: %w"
)

// errMissing is why the user's Ingress cannot be copied.
var errMissing = errors.New("not found")

// whole are the parts of the canary Ingress that are ours alone.
var whole = []string{"spec"}

// Router divides traffic by the annotations of a canary Ingress.
type Router struct {
	deps router.Deps
}

// New makes the router.
func New(deps router.Deps) *Router { return &Router{deps: deps} }

// Observe reports the traffic of the canary Ingress; Skipper does not tell whether it has taken it. An Ingress of the
// name that was not made for c is router.ErrNotFound too. An invalid spec is router.ErrInvalidSpec.
func (r *Router) Observe(ctx context.Context, c *v1beta1.Canary) (rollout.Routing, error) {
	if err := ingress.Validate(c); err != nil {
		return rollout.Routing{}, err
	}
	live, err := r.live(ctx, c)
	if err != nil {
		return rollout.Routing{}, err
	}
	if live == nil || !r.isOurs(c, live) {
		return rollout.Routing{}, fmt.Errorf(textGet, ingress.CopyName(c), c.Namespace, router.ErrNotFound)
	}
	return rollout.Routing{Traffic: read(c, live), Acceptance: rollout.Taken}, nil
}

// Apply makes the canary Ingress what the user's Ingress and want say. An invalid spec is router.ErrInvalidSpec; so is a
// reference to an Ingress that is not there or cannot be divided, but not before the users have left the canary, if
// want is that. Another's Ingress of the name is router.ErrForeign.
func (r *Router) Apply(ctx context.Context, c *v1beta1.Canary, want rollout.Traffic) error {
	if err := ingress.Validate(c); err != nil {
		return err
	}
	live, err := r.live(ctx, c)
	if err != nil {
		return err
	}
	if live != nil && !r.isOurs(c, live) {
		return router.Foreign(live, "has the name of the copy of spec.ingressRef, but was not made for this canary")
	}
	source, err := r.deps.Get(ctx, ingress.Kind, c.Namespace, c.Spec.IngressRef.Name)
	if err != nil {
		return fmt.Errorf(textSource, c.Spec.IngressRef.Name, c.Namespace, err)
	}
	copied, err := r.desired(c, source, want)
	if err != nil {
		if live != nil && want.Canary == 0 && read(c, live).Canary > 0 {
			return r.rest(ctx, live)
		}
		return err
	}
	if err := kube.Apply(ctx, r.deps.Client, live, kube.Manifest{Object: copied, Whole: whole}); err != nil {
		text := textUpdate
		if live == nil {
			text = textCreate
		}
		return fmt.Errorf(text, copied.GetName(), copied.GetNamespace(), err)
	}
	return nil
}

// isOurs says whether the canary Ingress was made for c.
func (r *Router) isOurs(c *v1beta1.Canary, copied *unstructured.Unstructured) bool {
	return r.deps.Claimed(c, copied) || isFlaggers(c, copied)
}

// desired is the canary Ingress as it is to be, given the user's, nil for none.
func (r *Router) desired(c *v1beta1.Canary, source *unstructured.Unstructured, want rollout.Traffic) (*unstructured.Unstructured, error) {
	if source == nil {
		return nil, router.InvalidSpec(fmt.Errorf("spec.ingressRef: "+textSource, c.Spec.IngressRef.Name, c.Namespace, errMissing))
	}
	copied, err := render(c, source, want)
	if err != nil {
		return nil, err
	}
	r.deps.Claim(c, copied)
	return copied, nil
}

// rest leaves all requests to the user's Ingress, whatever there is of it, and live, the canary's, as it is otherwise.
func (r *Router) rest(ctx context.Context, live *unstructured.Unstructured) error {
	resting := live.DeepCopy()
	annotations := kube.Guarded(live.GetAnnotations())
	annotations[predicate] = disabled
	resting.SetAnnotations(annotations)
	if err := r.deps.Swap(ctx, live, resting); err != nil {
		return fmt.Errorf(textUpdate, live.GetName(), live.GetNamespace(), err)
	}
	return nil
}

// Release leaves the user's Ingress, which leads to the apex Service as ever. The canary Ingress goes with c: by its
// owner reference or, where there can be none, now.
func (r *Router) Release(ctx context.Context, c *v1beta1.Canary) error {
	if r.deps.Owned || ingress.Validate(c) != nil {
		return nil
	}
	live, err := r.live(ctx, c)
	if err != nil || live == nil || !r.isOurs(c, live) {
		return kube.IgnoreMissingCRD(err)
	}
	return r.deps.Discard(ctx, live)
}

// live is the canary Ingress as it is, nil for none.
func (r *Router) live(ctx context.Context, c *v1beta1.Canary) (*unstructured.Unstructured, error) {
	copied, err := r.deps.Get(ctx, ingress.Kind, c.Namespace, ingress.CopyName(c))
	if err != nil {
		return nil, fmt.Errorf(textGet, ingress.CopyName(c), c.Namespace, err)
	}
	return copied, nil
}
