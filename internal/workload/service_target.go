package workload

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
)

// PlainService is the Target of kind Service, Knative's apart, and makes the Services of such a canary as well. The
// target is the Service that users call and so the apex itself; it is read and never written. Two copies are made for
// routers to choose between: <target>-canary follows the target at once, <target>-primary when it is promoted.
//
// A Service has no pods of its own that could be waited for, started or stopped. Each side counts as Ready with one pod
// of one: with none it would get no users. The target does not lose its one when it is scaled down; that costs a drain
// period where a target that runs is brought to rest, and keeps no phase from ending.
type PlainService struct{ options Options }

var (
	_ Target   = (*PlainService)(nil)
	_ Services = (*PlainService)(nil)
)

// NewPlainService returns the Target, and the Services, for Services.
func NewPlainService(options Options) *PlainService { return &PlainService{options: options} }

// Observe implements Target; it reads from caches. A Service that has the primary's name and is not ours counts as
// missing: SyncPrimary tells why it cannot be made.
func (p *PlainService) Observe(ctx context.Context, c *v1beta1.Canary, _ rollout.Plan) (Pair, error) {
	target, gone := p.target(ctx, c, p.cached)
	if gone != nil && !errors.Is(gone, ErrTargetNotFound) {
		return Pair{}, gone
	}
	primary, err := p.ours(ctx, c, p.cached, primaryName(c))
	if err != nil && !errors.Is(err, ErrForeign) {
		return Pair{}, err
	}
	var pair Pair
	if gone == nil {
		revision, err := serviceRevision(target)
		if err != nil {
			return Pair{}, err
		}
		pair.Target = standing(revision)
	}
	if primary != nil {
		pair.Primary = standing(copiedFrom(c, primary, target, pair.Target.Revision))
	}
	return pair, gone
}

// standing is a Service as the core sees it.
func standing(revision string) rollout.Workload {
	return rollout.Workload{Exists: true, Revision: revision, Readiness: rollout.Ready, Replicas: 1, Available: 1}
}

// SyncPrimary implements Target. Both Services are read live. A write that meets another's is repeated at most four
// times, each time with all of the above. A primary that carries the revision is left alone, whatever else was done to
// it since.
func (p *PlainService) SyncPrimary(ctx context.Context, c *v1beta1.Canary, want rollout.Version) error {
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		target, err := p.target(ctx, c, p.live)
		if err != nil {
			return err
		}
		present, err := serviceRevision(target)
		if err != nil {
			return err
		}
		if present != want.Revision {
			return fmt.Errorf("service %s.%s carries %s and not %s: %w",
				target.GetName(), target.GetNamespace(), present, want.Revision, ErrVersionChanged)
		}
		return p.sync(ctx, c, target, present)
	})
}

// sync writes the primary if it is not a copy of the target, which carries revision.
func (p *PlainService) sync(ctx context.Context, c *v1beta1.Canary, target *unstructured.Unstructured, revision string) error {
	primary, err := p.ours(ctx, c, p.live, primaryName(c))
	if err != nil {
		return err
	}
	if primary != nil && copiedFrom(c, primary, target, revision) == revision {
		return nil
	}
	next, err := primarySide(c, target, primary, revision, p.options.IncludeLabelPrefix)
	if err != nil {
		return err
	}
	if primary == nil {
		if err := p.create(ctx, c, next); err != nil {
			return fmt.Errorf("reconcilePrimaryService failed: %w", err)
		}
		return nil
	}
	if err := p.update(ctx, next); err != nil {
		return fmt.Errorf("updating service %s.%s spec failed: %w", next.GetName(), next.GetNamespace(), err)
	}
	return nil
}

// Prune implements Target: Services have no configs.
func (*PlainService) Prune(context.Context, *v1beta1.Canary) error { return nil }

// Scale implements Target: there is nothing to start or to stop.
func (*PlainService) Scale(context.Context, *v1beta1.Canary, rollout.Direction) error { return nil }

// Ensure implements Services for the canary's Service; the primary's is SyncPrimary's.
func (p *PlainService) Ensure(ctx context.Context, c *v1beta1.Canary) error {
	if err := p.ensure(ctx, c); err != nil {
		return fmt.Errorf("reconcileCanaryService failed: %w", err)
	}
	return nil
}

// ensure asks the caches whether there is anything to write, but writes only what it made from live reads, as caches
// may be late and drop what their types do not know.
func (p *PlainService) ensure(ctx context.Context, c *v1beta1.Canary) error {
	next, err := p.outdated(ctx, c, p.cached)
	if err != nil || next == nil {
		return err
	}
	next, err = p.outdated(ctx, c, p.live)
	switch {
	case err != nil || next == nil:
		return err
	case next.GetResourceVersion() == "":
		return p.create(ctx, c, next)
	}
	if err := p.update(ctx, next); err != nil {
		return fmt.Errorf("updating service %s.%s failed: %w", next.GetName(), next.GetNamespace(), err)
	}
	return nil
}

// outdated is the canary's Service as it should be, and nil if it is so.
func (p *PlainService) outdated(ctx context.Context, c *v1beta1.Canary, read reading) (*unstructured.Unstructured, error) {
	target, err := p.target(ctx, c, read)
	if err != nil {
		return nil, err
	}
	live, err := p.ours(ctx, c, read, canaryName(c))
	if err != nil {
		return nil, err
	}
	next, err := canarySide(c, target, live)
	if err != nil || live != nil && !differs(live, next) {
		return nil, err
	}
	return next, nil
}

// EnsureApex implements Services: the target is the apex, and users call it already.
func (*PlainService) EnsureApex(context.Context, *v1beta1.Canary) error { return nil }

// Release implements Services: nothing was done to the apex.
func (*PlainService) Release(context.Context, *v1beta1.Canary) error { return nil }

// create does without read-your-writes, as update does: it would begin to cache all Services a second time, untyped.
func (p *PlainService) create(ctx context.Context, c *v1beta1.Canary, service *unstructured.Unstructured) error {
	err := p.options.Client.Create(ctx, service, client.FieldOwner(kube.FieldManager), client.DisableReadYourWritesConsistency)
	if err != nil {
		return fmt.Errorf("creating service %s.%s query error: %w", c.Name, c.Namespace, rejected(err))
	}
	return nil
}

func (p *PlainService) update(ctx context.Context, service *unstructured.Unstructured) error {
	return rejected(p.options.Client.Update(ctx, service, client.FieldOwner(kube.FieldManager), client.DisableReadYourWritesConsistency))
}

// reading reads one Service as a tree.
type reading func(ctx context.Context, namespace, name string) (*unstructured.Unstructured, error)

// cached reads the typed Service that the caches hold; what it returns is fit to be compared, not to be written.
func (p *PlainService) cached(ctx context.Context, namespace, name string) (*unstructured.Unstructured, error) {
	found := &corev1.Service{}
	if err := p.options.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, found); err != nil {
		return nil, fmt.Errorf("service %s.%s get query error: %w", name, namespace, err)
	}
	tree, err := runtime.DefaultUnstructuredConverter.ToUnstructured(found)
	if err != nil {
		return nil, fmt.Errorf("service %s.%s: %w", name, namespace, err)
	}
	return &unstructured.Unstructured{Object: tree}, nil
}

// live reads past the caches, with every field.
func (p *PlainService) live(ctx context.Context, namespace, name string) (*unstructured.Unstructured, error) {
	found := &unstructured.Unstructured{}
	found.SetGroupVersionKind(serviceKind)
	if err := p.options.Live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, found); err != nil {
		return nil, fmt.Errorf("service %s.%s get query error: %w", name, namespace, err)
	}
	return found, nil
}

// target reads the canary's target; ErrTargetNotFound if it is not there.
func (p *PlainService) target(ctx context.Context, c *v1beta1.Canary, read reading) (*unstructured.Unstructured, error) {
	target, err := read(ctx, c.Namespace, c.Spec.TargetRef.Name)
	if apierrors.IsNotFound(err) {
		return nil, marked{error: err, mark: ErrTargetNotFound}
	}
	return target, err
}

// ours reads a copy; it is nil where there is none, and ErrForeign if the canary did not make it.
func (p *PlainService) ours(ctx context.Context, c *v1beta1.Canary, read reading, name string) (*unstructured.Unstructured, error) {
	found, err := read(ctx, c.Namespace, name)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	case !kube.IsOwned(c, found):
		return nil, fmt.Errorf("service %s.%s: %w", name, c.Namespace, ErrForeign)
	}
	return found, nil
}

func canaryName(c *v1beta1.Canary) string { return c.Spec.TargetRef.Name + "-canary" }
