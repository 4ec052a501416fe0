package controller

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

func TestOfOthersConcern(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		reason string
		change func(*v1beta1.Canary)
		want   bool
	}{
		"Status": {
			"Every step of a rollout changes its status, and is nobody else's concern.",
			func(c *v1beta1.Canary) { c.Status.CanaryWeight, c.ResourceVersion = 10, "2" }, false,
		},
		"Labels":  {"Labels take no target from anybody.", func(c *v1beta1.Canary) { c.Labels = map[string]string{"team": "shop"} }, false},
		"Nothing": {"Nor does a watch that begins anew.", func(*v1beta1.Canary) {}, false},
		"Target": {
			"Who turns to another target leaves his to the next.",
			func(c *v1beta1.Canary) { c.Spec.TargetRef.Name, c.Generation = "other", 2 }, true,
		},
		"Deletion": {
			"So does, in the end, who is being deleted.",
			func(c *v1beta1.Canary) {
				c.DeletionTimestamp, c.Generation = &metav1.Time{Time: dawn.Add(time.Hour)}, 2
			}, true,
		},
		"Successor": {
			"A watch that was cut off may miss that one went before another of its name came.",
			func(c *v1beta1.Canary) { c.UID, c.Spec.TargetRef.Name = "another", "other" }, true,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := testkit.Canary()
			before.UID, before.Generation, before.ResourceVersion = "one", 1, "1"
			after := before.DeepCopy()
			test.change(after)
			expect(t, test.reason, test.want, ofOthersConcern.Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after}))
		})
	}
	canary := testkit.Canary()
	expect(t, "One that comes or goes is told to the others.", []bool{true, true},
		[]bool{ofOthersConcern.Create(event.CreateEvent{Object: canary}), ofOthersConcern.Delete(event.DeleteEvent{Object: canary})})
}
