package workload

import (
	"context"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
)

// Options are what the adapters of this package need; all are required, the prefixes may be none.
type Options struct {
	// Client writes, and reads from caches.
	Client client.Client
	// Live reads past the caches, where acting on an old copy would do harm.
	Live client.Reader
	// SelectorLabels are the label keys by which pods may be told apart, the preferred first.
	SelectorLabels []string
	// IncludeLabelPrefix are the beginnings of the label and annotation keys that the primary's metadata takes over.
	IncludeLabelPrefix []string
}

// Deployment is the Target of kind Deployment.
type Deployment struct{ options Options }

var _ Target = (*Deployment)(nil)

// NewDeployment returns the Target for Deployments.
func NewDeployment(options Options) *Deployment { return &Deployment{options: options} }

// Observe implements Target; it reads from caches. A Deployment that has the primary's name and is not ours counts as
// missing: SyncPrimary tells why it cannot be made.
func (d *Deployment) Observe(ctx context.Context, c *v1beta1.Canary, plan rollout.Plan) (Pair, error) {
	target, err := readTarget(ctx, d.options.Client, c)
	if err != nil {
		return Pair{}, err
	}
	revision, err := Revision(&target.Spec.Template)
	if err != nil {
		return Pair{}, err
	}
	pair := Pair{Target: seen(target, bar{percent: plan.CanaryReady, deadline: plan.Deadline},
		fmt.Sprintf("canary deployment %s.%s", target.Name, target.Namespace))}
	pair.Target.Revision = revision

	needs := bar{percent: plan.PrimaryReady, deadline: plan.Deadline}
	pair.Primary, err = d.observePrimary(ctx, c, target, revision, needs)
	return pair, err
}

// observePrimary is the primary of the given target, which carries revision.
func (d *Deployment) observePrimary(
	ctx context.Context, c *v1beta1.Canary, target *appsv1.Deployment, revision string, needs bar,
) (rollout.Workload, error) {
	primary, err := readDeployment(ctx, d.options.Client, c.Namespace, primaryName(c))
	if apierrors.IsNotFound(err) {
		return rollout.Workload{}, nil
	}
	if err != nil {
		return rollout.Workload{}, err
	}
	if !kube.IsOwned(c, primary) {
		return rollout.Workload{}, nil
	}
	workload := seen(primary, needs, fmt.Sprintf("%s.%s", primary.Name, primary.Namespace))
	plans, err := d.blueprint(c, target, revision)
	if errors.Is(err, ErrInvalidTarget) { // it cannot be compared; SyncPrimary says what is wrong with it
		workload.Revision = recordedOn(primary)
		return workload, nil
	}
	if err != nil {
		return rollout.Workload{}, err
	}
	workload.Revision, err = plans.copied(primary)
	return workload, err
}

// seen is all of a Workload but its revision; subject names it in the reason.
func seen(d *appsv1.Deployment, needs bar, subject string) rollout.Workload {
	found := needs.judge(d)
	workload := rollout.Workload{
		Exists:    true,
		Readiness: found.readiness,
		Replicas:  int(replicas(d)),
		Available: int(d.Status.AvailableReplicas),
		Deadline:  found.until,
	}
	if found.reason != "" {
		workload.Reason = fmt.Sprintf("%s not ready: %s", subject, found.reason)
	}
	return workload
}

// SyncPrimary implements Target. Both Deployments are read live, so that nothing is promoted that has just changed and
// nothing is taken for done that no longer holds. A write that meets another's is repeated at most four times, each
// time with all of the above.
//
// A primary that carries the revision is left alone, whatever else was done to it since.
func (d *Deployment) SyncPrimary(ctx context.Context, c *v1beta1.Canary, revision string) error {
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		target, err := readTarget(ctx, d.options.Live, c)
		if err != nil {
			return err
		}
		present, err := Revision(&target.Spec.Template)
		if err != nil {
			return err
		}
		if present != revision {
			return fmt.Errorf("deployment %s.%s carries %s and not %s: %w",
				target.Name, target.Namespace, present, revision, ErrRevisionChanged)
		}
		plans, err := d.blueprint(c, target, revision)
		if err != nil {
			return err
		}
		return d.sync(ctx, plans)
	})
}

// sync writes the primary of the blueprint if it has to be written.
func (d *Deployment) sync(ctx context.Context, plans blueprint) error {
	name, namespace := primaryName(plans.canary), plans.canary.Namespace
	primary, err := readDeployment(ctx, d.options.Live, namespace, name)
	if apierrors.IsNotFound(err) {
		err = d.options.Client.Create(ctx, plans.create(), client.FieldOwner(kube.FieldManager))
		if err != nil {
			return fmt.Errorf("createPrimaryDeployment failed: creating deployment %s.%s failed: %w", name, namespace, rejected(err))
		}
		return nil
	}
	if err != nil {
		return err
	}
	if !kube.IsOwned(plans.canary, primary) {
		return fmt.Errorf("deployment %s.%s: %w", name, namespace, ErrForeign)
	}
	copied, err := plans.copied(primary)
	if err != nil {
		return fmt.Errorf("compare deployment %s.%s: %w", name, namespace, err)
	}
	if copied == plans.revision {
		return nil
	}
	err = d.options.Client.Update(ctx, plans.update(primary), client.FieldOwner(kube.FieldManager))
	if err != nil {
		return fmt.Errorf("updating deployment %s.%s template spec failed: %w", name, namespace, rejected(err))
	}
	return nil
}

func (d *Deployment) blueprint(c *v1beta1.Canary, target *appsv1.Deployment, revision string) (blueprint, error) {
	found, err := labelOf(target, d.options.SelectorLabels)
	if err != nil {
		return blueprint{}, err
	}
	return blueprint{
		canary:         c,
		target:         target,
		revision:       revision,
		label:          found,
		selectorLabels: d.options.SelectorLabels,
		prefixes:       d.options.IncludeLabelPrefix,
	}, nil
}

// readTarget reads the canary's target; ErrTargetNotFound if it is not there.
func readTarget(ctx context.Context, reader client.Reader, c *v1beta1.Canary) (*appsv1.Deployment, error) {
	target, err := readDeployment(ctx, reader, c.Namespace, c.Spec.TargetRef.Name)
	if apierrors.IsNotFound(err) {
		return nil, marked{error: err, mark: ErrTargetNotFound}
	}
	return target, err
}

func readDeployment(ctx context.Context, reader client.Reader, namespace, name string) (*appsv1.Deployment, error) {
	found := &appsv1.Deployment{}
	if err := reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, found); err != nil {
		return nil, fmt.Errorf("deployment %s.%s get query error: %w", name, namespace, err)
	}
	return found, nil
}
