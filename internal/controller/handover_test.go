package controller

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

// TestADecisionIsBroughtToItsEnd tells the operator to stop just as it sends the first users to the canary. Whoever leads
// next must not find users on it whom no status tells of.
func TestADecisionIsBroughtToItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut()
	w.push("app:2")
	w.until(v1beta1.PhaseProgressing)
	ctx, stop := context.WithCancel(w.ctx)
	w.pipe.before = func(request string) {
		if strings.HasSuffix(request, " HTTPRoute web") {
			stop()
		}
	}
	request := ctrl.Request{NamespacedName: client.ObjectKey{Namespace: w.namespace, Name: testkit.App}}
	for ctx.Err() == nil {
		result, err := w.operator.Reconcile(ctx, request)
		must(t, err, "reconcile")
		if !w.settle() {
			w.pass(result.RequeueAfter)
		}
	}
	status := w.canary().Status
	expect(t, "The status tells of the step.", 50, status.CanaryWeight)
	expect(t, "So does an event.", true, slices.Contains(w.said(), "Normal WeightAdvanced Advance web.ns canary weight 50"))

	before := w.pipe.written()
	w.push("app:3")
	_, err := w.operator.Reconcile(ctx, request)
	expect(t, "Nothing new is begun.", true, errors.Is(err, context.Canceled))
	expect(t, "Nor written.", before, w.pipe.written())
}

func TestOutlast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, stop := context.WithCancel(t.Context())
		longer, end := outlast(parent, time.Minute)
		defer end()
		<-time.After(time.Hour)
		expect(t, "A decision may take its time while nobody asks the operator to stop.", nil, longer.Err())
		stop()
		<-time.After(59 * time.Second)
		expect(t, "Then it has a minute.", nil, longer.Err())
		<-time.After(2 * time.Second)
		expect(t, "And no more.", true, errors.Is(longer.Err(), context.Canceled))
	})
}
