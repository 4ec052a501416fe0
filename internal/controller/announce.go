package controller

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

const (
	// eventReason is the reason of every event; users filter on it. The typed one is an annotation.
	eventReason      = "Synced"
	reasonAnnotation = "flagger.app/reason"
)

// announce logs events, records them on the canary, and hands them to its event hooks and, where they alert, to its chats.
func (r *Reconciler) announce(ctx context.Context, c *v1beta1.Canary, events []rollout.Event) {
	ctx, end := r.Tracer.Step(ctx, "announce")
	defer end(nil)
	logger := log.FromContext(ctx)
	for _, event := range events {
		logger.Info(event.Message)
		annotations := map[string]string{reasonAnnotation: string(event.Reason)}
		r.Recorder.AnnotatedEventf(c, annotations, event.Type, eventReason, "%s", event.Message)
		r.Hooks.Announce(c, event, r.Clock.Now())
		if event.Alert != (rollout.Alert{}) {
			r.Alert(c, event.Alert)
		}
	}
}

// close counts a run that has ended, calls the hooks for that and announces how it went. What could not be asked, as the
// operator is being stopped, remains owed.
func (r *Reconciler) close(ctx context.Context, c *v1beta1.Canary, in rollout.Observation, dec rollout.Decision) error {
	r.count(c, in.Plan, dec.Outcome)
	answers := rollout.Answers{}
	for _, question := range dec.Closing {
		r.answer(ctx, c, []rollout.Question{question}, answers)
	}
	if err := ctx.Err(); err != nil && len(dec.Closing) > 0 {
		return fmt.Errorf("close the run: %w", err)
	}
	r.announce(ctx, c, rollout.Close(in, dec, answers))
	if len(answers) == 0 {
		return nil
	}
	return retry.RetryOnConflict(retry.DefaultRetry, func() error { // users may have edited the spec while hooks ran
		latest := &v1beta1.Canary{}
		if err := r.Client.Get(ctx, client.ObjectKeyFromObject(c), latest); err != nil {
			return unlessGone(err)
		}
		return r.persist(ctx, latest, rollout.Closed(in, latest.Status, answers))
	})
}

// gauge brings the operator's own metrics up to date.
func (r *Reconciler) gauge(c *v1beta1.Canary, in rollout.Observation, dec rollout.Decision, started time.Time) {
	r.Telemetry.Status(c)
	traffic := in.Routing.Traffic
	for _, action := range dec.Actions {
		if route, ok := action.(rollout.Route); ok {
			traffic = route.Traffic
		}
	}
	if in.Routed || traffic != in.Routing.Traffic {
		r.Telemetry.Weight(c, int(traffic.Primary), int(traffic.Canary))
	}
	if dec.Analysed {
		r.Telemetry.Duration(c, r.Clock.Since(started))
	}
}

// count adds a run that has ended to the totals.
func (r *Reconciler) count(c *v1beta1.Canary, plan rollout.Plan, outcome rollout.Outcome) {
	strategy := plan.Strategy.Label()
	switch outcome {
	case rollout.Promoted:
		r.Telemetry.Succeeded(c, strategy, "completed")
	case rollout.Skipped:
		r.Telemetry.Succeeded(c, strategy, "skipped")
	case rollout.RolledBack:
		r.Telemetry.Failed(c, strategy)
	case rollout.Running:
	}
}

// forget drops what is kept of a canary that is gone.
func (r *Reconciler) forget(key types.NamespacedName) {
	r.Telemetry.Forget(key)
	r.past.forget(key)
}
