package workload

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// mostDecisions ends rehearsals that do not end.
const mostDecisions = 100

// rehearsal is a canary of a Service under the decisions of the core, with a router that does as it is told.
type rehearsal struct {
	plainCluster
	plan    rollout.Plan
	now     time.Time
	status  v1beta1.CanaryStatus
	routed  bool
	traffic rollout.Traffic
	// closed are the types of hooks that do not agree.
	closed []v1beta1.HookType
	phases []v1beta1.CanaryPhase
	gone   bool
}

// rehearse begins the release of a ClusterIP Service, on a provider that routes or on one that does not.
func rehearse(t *testing.T, routes rollout.Capabilities) *rehearsal {
	t.Helper()
	r := &rehearsal{plainCluster: newPlainCluster(t), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	r.canary.Spec.RevertOnDeletion = true
	r.canary.Spec.Analysis = &v1beta1.CanaryAnalysis{Interval: "30s", Threshold: 1, StepWeight: 50}
	for _, kind := range []v1beta1.HookType{v1beta1.HookConfirmRollout, v1beta1.HookRollout} {
		r.canary.Spec.Analysis.Webhooks = append(r.canary.Spec.Analysis.Webhooks,
			v1beta1.CanaryWebhook{Name: string(kind), Type: kind, URL: "http://hook.test"})
	}
	plan, err := rollout.NewPlan(r.canary, routes, rollout.Settings{Drain: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	r.plan = plan
	r.serves(t, selecting(corev1.ServiceTypeClusterIP))
	return r
}

// rests decides until nothing is left to do, but for the polling of a closed gate.
func (r *rehearsal) rests(t *testing.T) {
	t.Helper()
	for range mostDecisions {
		before := *r.status.DeepCopy()
		pause := r.decides(t)
		if last := len(r.phases) - 1; last < 0 || r.phases[last] != r.status.Phase {
			r.phases = append(r.phases, r.status.Phase)
		}
		if r.gone || pause == 0 && cmp.Equal(before, r.status) || r.status.Phase == v1beta1.PhaseWaiting {
			return
		}
		r.now = r.now.Add(max(pause, time.Second))
	}
	t.Fatalf("still %s after %d decisions", r.status.Phase, mostDecisions)
}

// decides is one reconcile; it returns when the next is due.
func (r *rehearsal) decides(t *testing.T) time.Duration {
	t.Helper()
	pair := r.observe(t)
	in := rollout.Observation{
		Now: r.now, Plan: r.plan, UID: string(r.canary.UID), Status: r.status,
		Deleting: !r.canary.DeletionTimestamp.IsZero(), Target: pair.Target, Primary: pair.Primary,
		Routed: r.routed || !r.plan.Routes, Routing: rollout.Routing{Traffic: r.traffic, Acceptance: rollout.Taken},
		Answers: rollout.Answers{},
	}
	dec := rollout.Decide(in)
	for len(dec.Ask) > 0 {
		for _, question := range dec.Ask {
			in.Answers[question] = r.answer(question)
		}
		dec = rollout.Decide(in)
	}
	if err := rollout.Permit(in, dec); err != nil {
		t.Fatal(err)
	}
	for _, action := range dec.Actions {
		if err := r.act(t, action); err != nil {
			t.Fatal(err)
		}
	}
	r.status = dec.Status
	return dec.After
}

func (r *rehearsal) answer(question rollout.Question) rollout.Answer {
	if question.Kind == rollout.AskHook && slices.Contains(r.closed, r.plan.Hooks[question.Index].Type) {
		return rollout.Answer{Verdict: rollout.Fail, Message: "no"}
	}
	return rollout.Answer{Verdict: rollout.Pass}
}

func (r *rehearsal) act(t *testing.T, action rollout.Action) error {
	t.Helper()
	switch action := action.(type) {
	case rollout.EnsureServices:
		return r.plain.Ensure(t.Context(), r.canary)
	case rollout.EnsureApex:
		return r.plain.EnsureApex(t.Context(), r.canary)
	case rollout.SyncPrimary:
		return r.plain.SyncPrimary(t.Context(), r.canary, rollout.Version(action))
	case rollout.Promote:
		return r.plain.SyncPrimary(t.Context(), r.canary, rollout.Version(action))
	case rollout.ScaleCanary:
		return r.plain.Scale(t.Context(), r.canary, action.Direction)
	case rollout.Release:
		return r.plain.Release(t.Context(), r.canary)
	case rollout.Route:
		r.routed, r.traffic = true, action.Traffic
	case rollout.Forget:
		r.gone = true
	}
	return nil
}

// A Service has no pods, and must not make any phase wait for some to come or to go.
func TestEveryPhaseOfAServicesCanaryProceeds(t *testing.T) {
	const (
		initialized = v1beta1.PhaseInitialized
		progressing = v1beta1.PhaseProgressing
		waiting     = v1beta1.PhaseWaiting
		promoting   = v1beta1.PhasePromoting
		finalising  = v1beta1.PhaseFinalising
		succeeded   = v1beta1.PhaseSucceeded
		failed      = v1beta1.PhaseFailed
	)
	cases := map[string]struct {
		reason string
		story  func(t *testing.T, r *rehearsal)
		want   []v1beta1.CanaryPhase
		// promoted says whether the primary is to carry what the target does in the end.
		promoted bool
	}{
		"Promoted": {
			reason: "A version that passes is promoted.",
			story: func(t *testing.T, r *rehearsal) {
				r.releases(t)
				r.rests(t)
			},
			want: []v1beta1.CanaryPhase{progressing, promoting, finalising, succeeded}, promoted: true,
		},
		"RolledBack": {
			reason: "One that fails is not.",
			story: func(t *testing.T, r *rehearsal) {
				r.closed = []v1beta1.HookType{v1beta1.HookRollout}
				r.releases(t)
				r.rests(t)
			},
			want: []v1beta1.CanaryPhase{progressing, failed},
		},
		"Withdrawn": {
			reason: "A version that waits for its gate may be taken back.",
			story: func(t *testing.T, r *rehearsal) {
				r.closed = []v1beta1.HookType{v1beta1.HookConfirmRollout}
				r.releases(t)
				r.rests(t)
				r.serves(t, selecting(corev1.ServiceTypeClusterIP))
				r.rests(t)
			},
			want: []v1beta1.CanaryPhase{waiting, finalising, succeeded}, promoted: true,
		},
		"Deleted": {
			reason: "The canary is let go without waiting for anybody.",
			story: func(t *testing.T, r *rehearsal) {
				r.canary.DeletionTimestamp = &metav1.Time{Time: r.now}
				r.rests(t)
				if !r.gone {
					t.Error("the canary is still there")
				}
			},
			want: []v1beta1.CanaryPhase{v1beta1.PhaseTerminating}, promoted: true,
		},
	}
	providers := map[string]rollout.Capabilities{"Routing": {Routes: true}, "Not": {}}
	for name, tc := range cases {
		for provider, routes := range providers {
			t.Run(name+provider, func(t *testing.T) {
				r := rehearse(t, routes)
				r.rests(t)
				if diff := cmp.Diff([]v1beta1.CanaryPhase{v1beta1.PhaseInitializing, initialized}, r.phases); diff != "" {
					t.Errorf("phases at first (-want +got):\n%s", diff)
				}
				r.phases = nil
				tc.story(t, r)
				if diff := cmp.Diff(tc.want, r.phases); diff != "" {
					t.Errorf("%s Phases (-want +got):\n%s", tc.reason, diff)
				}
				if pair := r.observe(t); (pair.Primary.Revision == pair.Target.Revision) != tc.promoted {
					t.Errorf("%s The target carries %s and the primary %s", tc.reason, pair.Target.Revision, pair.Primary.Revision)
				}
			})
		}
	}
}
