package workload

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/workload/configs"
	"flagger.app/flagger/internal/workload/scaler"
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
	// Configs tracks what pod templates refer to; nil when configs are not tracked.
	Configs *configs.Tracker
	// Scaler stops and starts the target's autoscaler with its pods.
	Scaler *scaler.Autoscaler
}

// PodTarget is the Target of one kind that runs pods.
type PodTarget struct {
	options Options
	kind    kind
}

var _ Target = (*PodTarget)(nil)

// Observe implements Target; it reads from caches.
func (p *PodTarget) Observe(ctx context.Context, c *v1beta1.Canary, plan rollout.Plan) (Pair, error) {
	target, gone := readTarget(ctx, p.options.Client, p.kind, c)
	if gone != nil && !errors.Is(gone, ErrTargetNotFound) {
		return Pair{}, gone
	}
	var pair Pair
	if gone == nil {
		found, err := p.observeTarget(ctx, c, plan, target)
		if err != nil {
			return Pair{}, err
		}
		pair = found
	}
	primary, err := read(ctx, p.options.Client, p.kind, primaryKey(c))
	switch {
	case apierrors.IsNotFound(err):
		return pair, gone
	case err != nil:
		return Pair{}, err
	case !kube.IsOwned(c, primary):
		pair.Claim = primary.String() + " belongs to somebody else"
		return pair, gone
	}
	needs := bar{percent: plan.PrimaryReady, deadline: plan.Deadline}
	pair.Primary = seen(p.kind, primary, needs, p.kind.traits().primary)
	version := recordedOn(primary)
	if gone == nil {
		version, err = p.copiedFrom(c, target, primary, pair.Target.Revision)
	}
	pair.Primary.Revision, pair.Primary.Configs = version.Revision, version.Configs
	return pair, cmp.Or(err, gone)
}

// observeTarget is the part of the pair that the target tells.
func (p *PodTarget) observeTarget(ctx context.Context, c *v1beta1.Canary, plan rollout.Plan, target view) (Pair, error) {
	revision, err := Revision(target.template)
	if err != nil {
		return Pair{}, err
	}
	tracked, err := p.options.Configs.Observe(ctx, c, target.template)
	if err != nil {
		return Pair{}, fmt.Errorf("observe configs of %s: %w", target, err)
	}
	needs := bar{percent: plan.CanaryReady, deadline: plan.Deadline}
	pair := Pair{
		Target:   seen(p.kind, target, needs, p.kind.traits().canary),
		Configs:  tracked.Sums,
		Obstacle: tracked.Obstacle,
	}
	pair.Target.Revision = revision
	return pair, nil
}

// copiedFrom is the version that the primary was copied from: what it says itself or, where Flagger made it, the
// target's revision if the two agree. It is empty where that cannot be told.
func (p *PodTarget) copiedFrom(c *v1beta1.Canary, target, primary view, revision string) (rollout.Version, error) {
	found := recordedOn(primary)
	if found.Revision != "" {
		return found, nil
	}
	plans, err := p.blueprint(c, target)
	if errors.Is(err, ErrInvalidTarget) { // it cannot be compared; SyncPrimary says what is wrong with it
		return found, nil
	}
	if err != nil {
		return found, err
	}
	tree, err := runtime.DefaultUnstructuredConverter.ToUnstructured(target.Object)
	if err != nil {
		return found, fmt.Errorf("compare %s: %w", primary, err)
	}
	plans.spec = child(tree, "spec")
	plans.renames = func(configs.Kind, string) bool { return false }
	agrees, err := plans.agrees(primary)
	if err != nil {
		return found, fmt.Errorf("compare %s: %w", primary, err)
	}
	if agrees {
		found.Revision = revision
	}
	return found, nil
}

// blueprint is what a primary is made from, but for the spec's tree, the version and the renames.
func (p *PodTarget) blueprint(c *v1beta1.Canary, target view) (blueprint, error) {
	if target.invalid != nil {
		return blueprint{}, marked{error: target.invalid, mark: ErrInvalidTarget}
	}
	found, err := labelOf(target, p.options.SelectorLabels)
	if err != nil {
		return blueprint{}, err
	}
	return blueprint{
		canary:         c,
		kind:           p.kind.traits(),
		target:         target,
		label:          found,
		selectorLabels: p.options.SelectorLabels,
		prefixes:       p.options.IncludeLabelPrefix,
	}, nil
}
