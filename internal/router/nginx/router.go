package nginx

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

// textGet is the contract's, as are texts.
const textGet = "ingress %s.%s get query error: %w"

var texts = router.Texts{Create: "ingress %s.%s create error: %w", Update: "ingress %s.%s update error: %w"}

// errMissing is why the user's Ingress cannot be copied.
var errMissing = errors.New("not found")

// whole are the parts of the canary Ingress that are ours alone. Of its annotations only those that divide traffic are,
// which is the matter of Router.reroute.
var whole = []string{"spec"}

// Router divides traffic by the annotations of a canary Ingress.
type Router struct {
	dialect dialect
	deps    router.Deps
}

// New makes a router for an ingress-nginx whose annotations have prefix.
func New(prefix string, deps router.Deps) *Router {
	return &Router{dialect: dialect(prefix), deps: deps}
}

// Observe reports the traffic of the canary Ingress; ingress-nginx does not tell whether it has taken it. An Ingress of
// the name that was not made for c is router.ErrNotFound too. An invalid spec is router.ErrInvalidSpec.
func (r *Router) Observe(ctx context.Context, c *v1beta1.Canary) (rollout.Routing, error) {
	if err := validate(c); err != nil {
		return rollout.Routing{}, err
	}
	live, err := r.get(ctx, c, ingress.CopyName(c))
	if err != nil {
		return rollout.Routing{}, err
	}
	if live == nil || !r.isOurs(c, live) {
		return rollout.Routing{}, fmt.Errorf(textGet, ingress.CopyName(c), c.Namespace, router.ErrNotFound)
	}
	return rollout.Routing{Traffic: r.dialect.read(live), Acceptance: rollout.Taken}, nil
}

// Apply makes the canary Ingress what the user's Ingress, the spec and want say. An invalid spec is
// router.ErrInvalidSpec; so is a reference to an Ingress that is not there or has no path to the apex Service, but not
// before the users have left the canary, if want is that. Another's Ingress of the name is router.ErrForeign.
func (r *Router) Apply(ctx context.Context, c *v1beta1.Canary, want rollout.Traffic) error {
	if err := validate(c); err != nil {
		return err
	}
	live, err := r.get(ctx, c, ingress.CopyName(c))
	if err != nil {
		return err
	}
	if live != nil && !r.isOurs(c, live) {
		return fmt.Errorf("ingress %s.%s, the copy of spec.ingressRef, exists and was not made for this canary: %w",
			live.GetName(), live.GetNamespace(), router.ErrForeign)
	}
	source, err := r.get(ctx, c, c.Spec.IngressRef.Name)
	if err != nil {
		return err
	}
	copied, err := r.desired(c, source, want)
	if err != nil {
		if live != nil && want.Canary == 0 && r.dialect.read(live).Canary > 0 {
			_, err = r.reroute(ctx, live, r.dialect.routing(nil, want))
		}
		return err
	}
	return r.write(ctx, live, copied)
}

// isOurs says whether the canary Ingress was made for c.
func (r *Router) isOurs(c *v1beta1.Canary, copied *unstructured.Unstructured) bool {
	return r.deps.Claimed(c, copied) || r.dialect.isFlaggers(c, copied)
}

// desired is the canary Ingress as it is to be, given the user's, nil for none.
func (r *Router) desired(c *v1beta1.Canary, source *unstructured.Unstructured, want rollout.Traffic) (*unstructured.Unstructured, error) {
	if source == nil {
		return nil, router.InvalidSpec(fmt.Errorf("spec.ingressRef: "+textGet, c.Spec.IngressRef.Name, c.Namespace, errMissing))
	}
	copied, err := r.dialect.render(c, source, want)
	if err != nil {
		return nil, err
	}
	r.deps.Claim(c, copied)
	return copied, nil
}

// write makes live, nil for none, what copied says.
func (r *Router) write(ctx context.Context, live, copied *unstructured.Unstructured) error {
	if live != nil && r.dialect.hasStale(live.GetAnnotations(), copied.GetAnnotations()) {
		rerouted, err := r.reroute(ctx, live, copied.GetAnnotations())
		if err != nil {
			return err
		}
		live = rerouted
	}
	return r.deps.Write(ctx, live, kube.Manifest{Object: copied, Whole: whole}, texts)
}

// reroute puts annotations on live, takes away all others that divide traffic and returns the outcome. An apply could
// take away only what an apply of ours has put there.
func (r *Router) reroute(ctx context.Context, live *unstructured.Unstructured, annotations map[string]string) (*unstructured.Unstructured, error) {
	rerouted := live.DeepCopy()
	rerouted.SetAnnotations(r.dialect.reroute(live.GetAnnotations(), annotations))
	if err := r.deps.Swap(ctx, live, rerouted); err != nil {
		return nil, fmt.Errorf(texts.Update, live.GetName(), live.GetNamespace(), err)
	}
	return rerouted, nil
}

// Release leaves the user's Ingress, which leads to the apex Service as ever. The canary Ingress goes with c: by its
// owner reference or, where there can be none, now.
func (r *Router) Release(ctx context.Context, c *v1beta1.Canary) error {
	if r.deps.Owned || c.Spec.IngressRef == nil {
		return nil
	}
	live, err := r.get(ctx, c, ingress.CopyName(c))
	if err != nil || live == nil || !r.isOurs(c, live) {
		return kube.IgnoreMissingCRD(err)
	}
	return r.deps.Discard(ctx, live)
}

// get returns an Ingress of the canary's namespace, or nil if there is none.
func (r *Router) get(ctx context.Context, c *v1beta1.Canary, name string) (*unstructured.Unstructured, error) {
	found, err := r.deps.Get(ctx, ingress.Kind, c.Namespace, name)
	if err != nil {
		return nil, fmt.Errorf(textGet, name, c.Namespace, err)
	}
	return found, nil
}
