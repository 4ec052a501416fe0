package knative

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// Texts of the contract, which users see in events.
const (
	textGet        = "Knative Service %s.%s get query error: %w"
	textUpdate     = "Knative Service %s.%s update query error: %w"
	textAnnotation = "service %s.%s annotation not found: %w"
	textPrimary    = "Knative Service %s.%s primary revision annotation not found: set %s to the revision that serves: %w"
)

// Router divides traffic by the target, which is a Knative Service.
type Router struct {
	deps router.Deps
}

// New makes the router.
func New(deps router.Deps) *Router { return &Router{deps: deps} }

// Observe reports the percentages of the service and whether Knative has carried them out. A service that does not say
// which revision is the primary has not been taken over yet, and so is router.ErrNotFound too. An invalid spec is
// router.ErrInvalidSpec.
func (r *Router) Observe(ctx context.Context, c *v1beta1.Canary) (rollout.Routing, error) {
	live, err := r.live(ctx, c)
	if err != nil {
		return rollout.Routing{}, err
	}
	primary := live.GetAnnotations()[primaryAnnotation]
	if primary == "" {
		return rollout.Routing{}, fmt.Errorf(textAnnotation, live.GetName(), live.GetNamespace(), router.ErrNotFound)
	}
	accepted, message, err := acceptance(live)
	if err != nil {
		return rollout.Routing{}, err
	}
	return rollout.Routing{Traffic: read(live, primary), Acceptance: accepted, Message: message}, nil
}

// Apply makes the service's traffic block what want says. An invalid spec is router.ErrInvalidSpec; a service that is
// not there is router.ErrNotFound; one of another controller, or whose primary nobody can tell, is router.ErrForeign.
// It is a conflict if more users were to go to a revision that the run of c is not about.
func (r *Router) Apply(ctx context.Context, c *v1beta1.Canary, want rollout.Traffic) error {
	live, err := r.live(ctx, c)
	if err != nil {
		return err
	}
	primary, err := r.serving(c, live)
	if err != nil {
		return err
	}
	routed, err := render(c, live, primary, want)
	if err != nil || equality.Semantic.DeepEqual(live.Object, routed.Object) {
		return err
	}
	if err := r.deps.Swap(ctx, live, routed); err != nil {
		return fmt.Errorf(textUpdate, live.GetName(), live.GetNamespace(), err)
	}
	return nil
}

// serving is the name of the revision that serves, if live may be divided.
func (r *Router) serving(c *v1beta1.Canary, live *unstructured.Unstructured) (string, error) {
	taken := live.GetAnnotations()[primaryAnnotation] != ""
	if controller := metav1.GetControllerOf(live); controller != nil && !taken {
		return "", fmt.Errorf("Knative Service %s.%s is controlled by %s %s: %w",
			live.GetName(), live.GetNamespace(), controller.Kind, controller.Name, router.ErrForeign)
	}
	primary := primaryOf(c, live)
	if primary == "" {
		return "", fmt.Errorf(textPrimary, live.GetName(), live.GetNamespace(), primaryAnnotation, router.ErrForeign)
	}
	return primary, nil
}

// Release sends all users of the service to its latest revision, as if it had never been divided.
func (r *Router) Release(ctx context.Context, c *v1beta1.Canary) error {
	if !isTarget(c.Spec.TargetRef) {
		return nil
	}
	live, err := r.deps.Get(ctx, kind, c.Namespace, c.Spec.TargetRef.Name)
	if err != nil || live == nil {
		return kube.IgnoreMissingCRD(err)
	}
	released, err := handBack(live)
	if err != nil || released == nil {
		return err
	}
	if err := r.deps.Swap(ctx, live, released); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf(textUpdate, live.GetName(), live.GetNamespace(), err)
	}
	return nil
}

// live is the target of a spec that is valid.
func (r *Router) live(ctx context.Context, c *v1beta1.Canary) (*unstructured.Unstructured, error) {
	if err := validate(c); err != nil {
		return nil, err
	}
	live, err := r.deps.Get(ctx, kind, c.Namespace, c.Spec.TargetRef.Name)
	if err == nil && live == nil {
		err = router.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf(textGet, c.Spec.TargetRef.Name, c.Namespace, err)
	}
	return live, nil
}
