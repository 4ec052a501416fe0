package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/workload"
)

// work is one canary's plan and the adapters that its spec selects. Where the spec is refused, only the parts that
// could be told are set.
type work struct {
	plan     rollout.Plan
	router   router.Router
	target   workload.Target
	services workload.Services
}

// work reads the spec. Its error is one that only the user can mend. On deletion it makes do with what it has.
func (r *Reconciler) work(ctx context.Context, c *v1beta1.Canary) (work, error) {
	deleting := !c.DeletionTimestamp.IsZero()
	kind := targetKind(c.Spec.TargetRef)
	w := work{target: r.Targets[kind], services: r.Services[kind]}
	provider := c.Spec.Provider
	if provider == "" {
		provider = r.MeshProvider
	}
	row, err := r.Routers.Lookup(provider)
	if err != nil {
		return w, &rollout.Invalid{Field: "spec.provider", Cause: err.Error()}
	}
	if kind == KnativeService && row.Provider != knativeProvider {
		return w, &rollout.Invalid{Field: "spec.provider", Cause: fmt.Sprintf("can't use %s provider with %s as target", provider, kind)}
	}
	w.router = row.New(r.site(row).deps())
	w.plan, err = rollout.NewPlan(c, r.capabilities(row), r.Settings)
	if err != nil && !deleting {
		return w, err
	}
	if w.target == nil {
		return w, &rollout.Invalid{Field: "spec.targetRef.kind", Cause: fmt.Sprintf("%q is not supported yet", kind)}
	}
	if err := r.watchFor(c, row); err != nil {
		return w, err
	}
	return w, r.contend(ctx, c)
}

// capabilities are the row's; in another cluster than the canary's nothing can be owned by it.
func (r *Reconciler) capabilities(row router.Row) rollout.Capabilities {
	can := row.Capabilities
	can.Uncollected = can.Uncollected || row.Watch != nil && r.site(row).abroad
	return can
}

// KnativeService is the key of Options.Targets and Options.Services for Services of Knative's, which only the provider
// knative can route to.
const (
	KnativeService  = "Knative Service"
	knativeProvider = "knative"
)

// targetKind is the key of Options.Targets: the kind, unless that is a Service of Knative's.
func targetKind(ref v1beta1.LocalObjectReference) string {
	if ref.Kind == "Service" && strings.HasPrefix(ref.APIVersion, "serving.knative.dev/") {
		return KnativeService
	}
	return ref.Kind
}

// contend refuses c if an older canary has the same target, or if its target is what another canary makes.
func (r *Reconciler) contend(ctx context.Context, c *v1beta1.Canary) error {
	others, err := r.related(ctx, c.Namespace, c.Spec.TargetRef.Name)
	if err != nil {
		return err
	}
	for i := range others {
		if cause := rival(&others[i], c); cause != "" {
			return &rollout.Invalid{Field: "spec.targetRef.name", Cause: cause}
		}
	}
	return nil
}

// rival says in words why c has to stand back behind another canary; empty if it has not.
func rival(other, c *v1beta1.Canary) string {
	mine, theirs := c.Spec.TargetRef, other.Spec.TargetRef
	kind := targetKind(mine)
	switch {
	case other.UID == c.UID || kind != targetKind(theirs) || !older(other, c):
		return ""
	case theirs.Name == mine.Name:
		return fmt.Sprintf("%s %s is the target of the older canary %s already", mine.Kind, mine.Name, other.Name)
	case theirs.Name+primarySuffix == mine.Name && kind != KnativeService:
		return fmt.Sprintf("%s %s is the primary of the canary %s", mine.Kind, mine.Name, other.Name)
	}
	return ""
}

// older orders canaries by creation, and by name where that was in the same second.
func older(a, b *v1beta1.Canary) bool {
	if a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.Name < b.Name
	}
	return a.CreationTimestamp.Before(&b.CreationTimestamp)
}

// observe reads everything that a decision about c may depend on, from caches.
func (r *Reconciler) observe(ctx context.Context, c *v1beta1.Canary, w work) (in rollout.Observation, err error) {
	ctx, end := r.Tracer.Step(ctx, "observe")
	defer func() { end(err) }()
	in = r.bare(c, w.plan)
	pair, err := w.target.Observe(ctx, c, w.plan)
	switch {
	case errors.Is(err, workload.ErrTargetNotFound):
		in.Missing = fmt.Errorf("observe target: %w", err).Error()
	case err != nil:
		return in, fmt.Errorf("observe target: %w", err)
	}
	if err := r.watchConfigs(); err != nil {
		return in, err
	}
	in.Target, in.Primary = r.past.serving(client.ObjectKeyFromObject(c), in.Now, pair.Target, pair.Primary)
	in.Configs, in.Claim = pair.Configs, pair.Claim
	obstacle, err := r.Scaler.Observe(ctx, c)
	if err != nil {
		return in, fmt.Errorf("observe autoscaler: %w", err)
	}
	in.Obstacle = strings.Join(slices.DeleteFunc([]string{pair.Obstacle, obstacle}, isEmpty), "; ")
	in.Routing, err = w.router.Observe(ctx, c)
	switch {
	case err == nil:
		in.Routed = true
	case !errors.Is(err, router.ErrNotFound):
		return in, fmt.Errorf("observe routing: %w", err)
	}
	return in, nil
}

func isEmpty(text string) bool { return text == "" }

// bare is the part of an observation that c itself tells.
func (r *Reconciler) bare(c *v1beta1.Canary, plan rollout.Plan) rollout.Observation {
	return rollout.Observation{
		Now:        r.Clock.Now(),
		Plan:       plan,
		UID:        string(c.UID),
		Generation: c.Generation,
		Status:     c.Status,
		Moved:      r.past.lastMoved(client.ObjectKeyFromObject(c)),
		Deleting:   !c.DeletionTimestamp.IsZero(),
	}
}
