package controller

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

// kindCrashStories are those of targets, configs and autoscalers of every kind, and of strategies in combination.
var kindCrashStories = map[string]crashStory{
	"ConfigOnly": {
		reason:  "Pods of the primary start once, with configs that were analysed, and after these are there.",
		canary:  []testkit.CanaryOption{testkit.Steps(50), testkit.Metric("errors")},
		target:  func() client.Object { return referring("settings", "token") },
		arrange: func(w *world) { w.apply(settings("settings"), token("token")) },
		begin: func(w *world) {
			w.pushed++
			w.setting(fmt.Sprintf(`{"data":{"color":"color %d"}}`, w.pushed))
			w.edit("token", &corev1.Secret{}, fmt.Sprintf(`{"stringData":{"token":"token %d"}}`, w.pushed))
		},
		ended: reached(v1beta1.PhaseSucceeded),
		plan:  history{weights: []string{"0", "50", "0"}, primaries: []string{"old"}},
		rolls: 2,
		// Pods that were started by an operator that died may have read the configs of before, and are started again.
		excuses: func(o *outcome) {
			o.seen.replicas = nil
		},
		also: func(w *world) []string {
			want := []string{fmt.Sprint("color=color ", w.pushed), fmt.Sprint("token=token ", w.pushed)}
			return []string{fmt.Sprint("copied: ", fmt.Sprint(want) == fmt.Sprint(w.contents()))}
		},
	},
	"DaemonSet": {
		reason: "A DaemonSet has no size to be told by, and its primary is never stopped.",
		canary: []testkit.CanaryOption{testkit.Target("apps/v1", "DaemonSet"), testkit.Steps(50), testkit.Metric("errors")},
		target: func() client.Object { return testkit.DaemonSet("app:1") },
		begin:  next("DaemonSet"), ended: reached(v1beta1.PhaseSucceeded),
		plan: history{
			weights: []string{"0", "50", "0"}, primaries: []string{"old", "new"}, replicas: []string{"0", "3", "0"},
		},
		rolls: 2,
		also: func(w *world) []string {
			return []string{fmt.Sprint("primary has ", podsOf(w.daemonSet("web-primary")))}
		},
	},
	"Service": {
		reason:  "The primary is what was analysed, and the target is its user's.",
		canary:  []testkit.CanaryOption{testkit.Target("v1", "Service"), testkit.Steps(50), testkit.Metric("errors")},
		target:  func() client.Object { return versionedService(1) },
		arrange: func(w *world) { w.apply(testkit.HTTPRoute()) },
		begin:   next("Service"), ended: reached(v1beta1.PhaseSucceeded),
		plan: history{weights: []string{"0", "50", "0"}},
		also: func(w *world) []string {
			l := lookout{world: w, subject: subjects["Service"]}
			return []string{
				fmt.Sprint("primary: ", l.see("web-primary").Version == w.pushed+1),
				fmt.Sprint("canary: ", l.see("web-canary").Version == w.pushed+1),
			}
		},
	},
	"ScaledObject": {
		reason:  "KEDA neither starts a target that rests nor stops one that is analysed.",
		canary:  []testkit.CanaryOption{testkit.ScaledBy("ScaledObject"), testkit.Steps(50), testkit.Metric("errors")},
		arrange: func(w *world) { w.keda(); w.apply(testkit.ScaledObject(3, 6)) },
		begin:   (*world).pushNext, ended: reached(v1beta1.PhaseSucceeded),
		plan: history{
			weights: []string{"0", "50", "0"}, primaries: []string{"old", "new"}, replicas: []string{"0", "3", "0"},
		},
		rolls: 2,
		also: func(w *world) []string {
			w.scale()
			return w.pauses()
		},
	},
	"DeletionMidRollout": {
		reason:  "Users are handed back from both sides, and the target that serves them has its pods.",
		canary:  []testkit.CanaryOption{testkit.RevertOnDeletion(), testkit.Steps(50), testkit.Metric("errors")},
		arrange: func(w *world) { w.apply(testkit.Service(), testkit.HTTPRoute()) },
		begin: func(w *world) {
			w.pushNext()
			w.untilWeight("50")
			w.said()
			w.remove(testkit.Canary())
		},
		final: true, ended: (*world).gone,
		plan:  history{weights: []string{"0", "50"}, primaries: []string{"old"}, replicas: []string{"0", "2"}},
		rolls: 1,
	},
	"Affinity": {
		reason: "Those who are pinned stay so on the way there and back.",
		canary: []testkit.CanaryOption{
			testkit.Steps(50), testkit.PromotionSteps(30), testkit.Affinity("side", "main"), testkit.Metric("errors"),
		},
		begin: (*world).pushNext, ended: reached(v1beta1.PhaseSucceeded),
		plan: history{
			weights: []string{"0", "50", "20", "0"}, primaries: []string{"old", "new"}, replicas: []string{"0", "2", "0"},
		},
		rolls: 2,
	},
	"BlueGreenWithoutMirror": {
		reason: "Nobody meets the canary before everybody does.",
		canary: []testkit.CanaryOption{testkit.Iterations(1), testkit.Metric("errors")},
		begin:  (*world).pushNext, ended: reached(v1beta1.PhaseSucceeded),
		plan: history{
			weights: []string{"0", "100", "0"}, primaries: []string{"old", "new"}, replicas: []string{"0", "2", "0"},
		},
		rolls: 2,
	},
}

// TestCrashAfterAMirroredStep is about the one step that the status has no field for.
func TestCrashAfterAMirroredStep(t *testing.T) {
	t.Parallel()
	crashStory{
		reason: "Copied requests, cookies and steps back to the primary go together, and no step is taken twice.",
		canary: []testkit.CanaryOption{
			testkit.Steps(30, 60), testkit.PromotionSteps(40), testkit.Mirror(), testkit.Affinity("side", "main"), testkit.Metric("errors"),
		},
		begin: (*world).pushNext, ended: reached(v1beta1.PhaseSucceeded),
		plan: history{
			weights:   []string{"0", "0*", "30", "60", "20", "0"},
			primaries: []string{"old", "new"}, replicas: []string{"0", "2", "0"},
		},
		rolls: 2,
	}.play(t)
}

// next deploys a version of that kind of target that was never deployed before.
func next(kind string) func(*world) {
	return func(w *world) {
		w.pushed++
		subjects[kind].deploy(w, w.pushed+1)
	}
}
