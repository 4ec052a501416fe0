package controller

import (
	"context"
	"encoding/json"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// errPruned says that the installed CRD is not ours. Without the times of the last analysis and of the last change of
// traffic nothing may move.
var errPruned = errors.New("status.observedGeneration was dropped by the API server: " +
	"the installed CRD canaries.flagger.app is older than this operator, apply the one that comes with it")

// persist writes the status once, if it changed, and only if nobody else has changed the canary since it was read.
func (r *Reconciler) persist(ctx context.Context, c *v1beta1.Canary, status v1beta1.CanaryStatus) (err error) {
	if rollout.SameStatus(c.Status, status) {
		return nil
	}
	ctx, end := r.Tracer.Step(ctx, "persist")
	defer func() { end(err) }()
	before := c.DeepCopy()
	c.Status = status
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Status().Patch(ctx, c, withCounters{patch}); err != nil {
		return unlessGone(err)
	}
	if c.Status.ObservedGeneration == 0 && status.ObservedGeneration != 0 {
		return errPruned
	}
	return nil
}

// withCounters is a merge patch of a canary's status that always carries the counters. A merge patch leaves out what
// does not change, so a zero would never be written, but users read these fields whatever their value.
type withCounters struct{ client.Patch }

// Data returns the patch from the remembered canary to o.
func (p withCounters) Data(o client.Object) ([]byte, error) {
	data, err := p.Patch.Data(o)
	if err != nil {
		return nil, err
	}
	changes := struct {
		Metadata map[string]any `json:"metadata,omitempty"`
		Status   map[string]any `json:"status"`
	}{Status: map[string]any{}}
	if err := json.Unmarshal(data, &changes); err != nil {
		return nil, err
	}
	status := o.(*v1beta1.Canary).Status
	changes.Status["failedChecks"] = status.FailedChecks
	changes.Status["canaryWeight"] = status.CanaryWeight
	changes.Status["iterations"] = status.Iterations
	return json.Marshal(changes)
}

// unlessGone makes of an error about the canary, where that was deleted meanwhile, one that is nobody's fault.
func unlessGone(err error) error {
	if apierrors.IsNotFound(err) {
		return errOvertaken
	}
	return err
}

// pruned tells whether our fields were dropped from the last status that we wrote: the condition Ready is ours, and
// is kept by any schema.
func pruned(status v1beta1.CanaryStatus) bool {
	for _, condition := range status.Conditions {
		if condition.Type == v1beta1.ReadyCondition {
			return status.ObservedGeneration == 0
		}
	}
	return false
}
