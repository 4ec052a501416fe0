package rollout

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
)

// Revisions: A is promoted, B is the one that a run is about, C is newer.
const (
	revA = "h1:A"
	revB = "h1:B"
	revC = "h1:C"
)

// now is when every table row happens.
var now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// option states one thing that matters about an observation.
type option func(*Observation)

// observe is a weighted canary at rest, A on both workloads and the target at zero, but for the options.
func observe(options ...option) Observation {
	in := Observation{
		Now: now, UID: "uid", Generation: 3,
		Plan: Plan{
			Canary: "podinfo", Namespace: "test", Target: "podinfo", Kind: "Deployment",
			Routes: true, Steps: []Weight{20, 40, 60}, Interval: 30 * time.Second, Threshold: 2,
			Drain: 10 * time.Second, PrimaryReady: 100, CanaryReady: 100, Deadline: time.Minute,
		},
		Status: v1beta1.CanaryStatus{
			Phase: v1beta1.PhaseInitialized, LastAppliedSpec: revA, LastPromotedSpec: revA, LastRouteTime: ago(time.Hour),
		},
		Target:  Workload{Exists: true, Revision: revA, Readiness: Waiting, Reason: "canary deployment podinfo.test not ready: zero"},
		Primary: Workload{Exists: true, Revision: revA, Readiness: Ready, Replicas: 2, Available: 2},
		Routed:  true, Routing: Routing{Traffic: ToPrimary()},
		Answers: Answers{},
	}
	for _, o := range options {
		o(&in)
	}
	return in
}

func ago(d time.Duration) *metav1.MicroTime { return microTime(now.Add(-d)) }

// status sets the phase and what goes with it.
func status(phase v1beta1.CanaryPhase, edits ...func(*v1beta1.CanaryStatus)) option {
	return func(in *Observation) {
		in.Status.Phase = phase
		for _, edit := range edits {
			edit(&in.Status)
		}
	}
}

// running is a run of B in a phase, its pods ready and its last analysis just due.
func running(phase v1beta1.CanaryPhase) option {
	return func(in *Observation) {
		in.Status.Phase, in.Status.LastAppliedSpec = phase, revB
		in.Status.LastAnalysisTime, in.Status.LastRouteTime = ago(30*time.Second), ago(30*time.Second)
		in.Target = Workload{Exists: true, Revision: revB, Readiness: Ready, Replicas: 2, Available: 2}
	}
}

// beginning is a run of B before its first analysis.
func beginning() option {
	return func(in *Observation) {
		running(v1beta1.PhaseProgressing)(in)
		in.Status.LastAnalysisTime, in.Status.LastRouteTime = nil, ago(time.Hour)
	}
}

// at is a run of B at a weight.
func at(phase v1beta1.CanaryPhase, weight Weight) option {
	return func(in *Observation) {
		running(phase)(in)
		in.Status.CanaryWeight = int(weight)
		in.Routing.Traffic = Split(weight)
	}
}

func progressingAt(weight Weight) option { return at(v1beta1.PhaseProgressing, weight) }

// promotingAt is a run of B that the primary carries already.
func promotingAt(weight Weight) option {
	return func(in *Observation) {
		at(v1beta1.PhasePromoting, weight)(in)
		in.Primary.Revision = revB
	}
}

// finalisingSince is the end of a run of B, d after users left the canary.
func finalisingSince(d time.Duration) option {
	return func(in *Observation) {
		running(v1beta1.PhaseFinalising)(in)
		in.Primary.Revision = revB
		in.Status.LastRouteTime = ago(d)
	}
}

// failedSince is the rollback of B d ago; its pods are still there.
func failedSince(d time.Duration) option {
	return func(in *Observation) {
		running(v1beta1.PhaseFailed)(in)
		in.Status.LastAnalysisTime, in.Status.LastRouteTime = nil, ago(d)
		condition(v1beta1.ReconcilingCondition, reasonDraining)(in)
	}
}

// failedFlat is the rollback of B with its pods gone.
func failedFlat() option {
	return func(in *Observation) {
		failedSince(time.Hour)(in)
		in.Status.Conditions = nil
		in.Target.Replicas, in.Target.Available, in.Target.Readiness = 0, 0, Waiting
	}
}

// parkedOnCanary is a promotion of B that failed: users are on the canary, as the primary is stuck with B.
func parkedOnCanary() option {
	return func(in *Observation) {
		running(v1beta1.PhaseFailed)(in)
		in.Status.LastAnalysisTime, in.Status.CanaryWeight = nil, 100
		in.Routing.Traffic = ToCanary()
		in.Primary.Revision = revB
		primaryStuck(0)(in)
	}
}

// waitingSince is a gate that keeps B out, asked d ago.
func waitingSince(d time.Duration) option {
	return func(in *Observation) {
		in.Status.Phase, in.Status.LastAnalysisTime = v1beta1.PhaseWaiting, ago(d)
		in.Target.Revision = revB
		hooks(v1beta1.HookConfirmRollout)(in)
	}
}

// strategy makes the plan one of iterations.
func strategy(s Strategy, iterations int) option {
	return func(in *Observation) { in.Plan.Strategy, in.Plan.Steps, in.Plan.Iterations = s, nil, iterations }
}

// iterated is the number of iterations that the run has done.
func iterated(n int) option { return func(in *Observation) { in.Status.Iterations = n } }

func plan(edit func(*Plan)) option { return func(in *Observation) { edit(&in.Plan) } }

// unrouted makes the provider one without a routing object.
func unrouted() option {
	return func(in *Observation) { in.Plan.Routes, in.Routing.Traffic = false, ToPrimary() }
}

// routeGone is a canary whose routing object somebody has deleted.
func routeGone(in *Observation) { in.Routed, in.Routing = false, Routing{} }

// hooks adds one hook of each type, named after it.
func hooks(types ...v1beta1.HookType) option {
	return func(in *Observation) {
		for _, kind := range types {
			in.Plan.Hooks = append(in.Plan.Hooks, Hook{Name: string(kind), Type: kind, Index: len(in.Plan.Hooks)})
		}
	}
}

// metrics adds metric checks.
func metrics(names ...string) option {
	return func(in *Observation) { in.Plan.Metrics = append(in.Plan.Metrics, names...) }
}

// pushed is the target carrying another revision.
func pushed(revision string) option { return func(in *Observation) { in.Target.Revision = revision } }

// runOf makes revision the one that the run is about.
func runOf(revision string) option {
	return func(in *Observation) { in.Status.LastAppliedSpec = revision }
}

// targetGone is a target that somebody deleted.
func targetGone() option {
	return func(in *Observation) { in.Target, in.Missing = Workload{}, "deployment podinfo.test not found" }
}

func stuck() option {
	return func(in *Observation) {
		in.Target.Readiness, in.Target.Available = Stuck, 0
		in.Target.Reason = `canary deployment podinfo.test not ready: deployment "podinfo" exceeded its progress deadline`
	}
}

func starting() option {
	return func(in *Observation) {
		in.Target.Readiness, in.Target.Replicas, in.Target.Available = Waiting, 2, 0
		in.Target.Reason = "canary deployment podinfo.test not ready: waiting for rollout to finish"
		in.Target.Deadline = now.Add(40 * time.Second)
	}
}

func scaledToZero() option {
	return func(in *Observation) {
		in.Target.Readiness, in.Target.Replicas, in.Target.Available = Waiting, 0, 0
	}
}

const (
	primaryWait = "podinfo-primary.test not ready: waiting for rollout to finish"
	primaryEnd  = `podinfo-primary.test not ready: deployment "podinfo-primary" exceeded its progress deadline`
)

func primaryStarting(available int) option {
	return func(in *Observation) {
		in.Primary.Readiness, in.Primary.Available, in.Primary.Reason = Waiting, available, primaryWait
	}
}

func primaryStuck(available int) option {
	return func(in *Observation) {
		in.Primary.Readiness, in.Primary.Available, in.Primary.Reason = Stuck, available, primaryEnd
	}
}

// servingFor has the pods of the target be there for a time, where it takes three seconds to know of them.
func servingFor(d time.Duration) option {
	return func(in *Observation) { in.Plan.Settle, in.Target.Serving = 3*time.Second, in.Now.Add(-d) }
}

// primaryServingFor is the same for the primary.
func primaryServingFor(d time.Duration) option {
	return func(in *Observation) { in.Plan.Settle, in.Primary.Serving = 3*time.Second, in.Now.Add(-d) }
}

func primaryGone() option { return func(in *Observation) { in.Primary = Workload{} } }

func primaryAt(revision string) option {
	return func(in *Observation) { in.Primary.Revision = revision }
}

// drifted is the routing object as somebody else left it.
func drifted(t Traffic) option { return func(in *Observation) { in.Routing.Traffic = t } }

func accepted(a Acceptance, message string) option {
	return func(in *Observation) { in.Routing.Acceptance, in.Routing.Message = a, message }
}

func condition(kind string, reason Reason) option {
	return func(in *Observation) {
		in.Status.Conditions = append(in.Status.Conditions, v1beta1.CanaryCondition{Type: kind, Status: "True", Reason: string(reason)})
	}
}

// checked is a check of this run that has had an answer.
func checked(kind, name string, v Verdict) option {
	return func(in *Observation) {
		in.Status.Checks = append(in.Status.Checks, v1beta1.CheckResult{Kind: kind, Name: name, Verdict: string(v)})
	}
}

// analysedAgo is the time since the last analysis.
func analysedAgo(d time.Duration) option {
	return func(in *Observation) { in.Status.LastAnalysisTime = ago(d) }
}

func failedChecks(n int) option { return func(in *Observation) { in.Status.FailedChecks = n } }

func configs(tracked, live string) option {
	return func(in *Observation) {
		in.Status.TrackedConfigs = &map[string]string{"configmap/app": tracked}
		in.Configs = map[string]string{"configmap/app": live}
	}
}

// told answers hooks by their place and the phase that they are told.
func told(index int, phase v1beta1.CanaryPhase, v Verdict, message string) option {
	return func(in *Observation) { in.Answers[hookQuestion(index, phase)] = Answer{Verdict: v, Message: message} }
}

// measured answers metrics by their place.
// measured is a metric's answer; one that fails has a value that is out of bounds.
func measured(index int, v Verdict, message string) option {
	answer := Answer{Verdict: v, Message: message}
	if v == Fail {
		answer.Value = new(7.0)
	}
	return func(in *Observation) { in.Answers[metricQuestion(index)] = answer }
}

// unmeasurable is the answer of a metric whose spec or template is wrong.
func unmeasurable(index int, message string) option {
	return func(in *Observation) { in.Answers[metricQuestion(index)] = Answer{Verdict: Fail, Message: message} }
}

func hookQuestion(index int, phase v1beta1.CanaryPhase) Question {
	return Question{Kind: AskHook, Index: index, Phase: phase}
}

func metricQuestion(index int) Question { return Question{Kind: AskMetric, Index: index} }

// result is what a decision changes. What a row does not mention must stay as it was.
type result struct {
	Ask                          []Question
	Did                          []Action
	Said                         []Event
	Phase                        v1beta1.CanaryPhase
	Weight, Iterations, Failures int
	Applied, Promoted            string
	Wake                         time.Duration
	Closing                      []Question
	Final                        []Event
	Outcome                      Outcome
	Analysed                     bool
}

// expectation states one thing that changes.
type expectation func(*result)

func asked(q ...Question) expectation      { return func(r *result) { *r = result{Ask: q} } }
func did(a ...Action) expectation          { return func(r *result) { r.Did = a } }
func said(e ...Event) expectation          { return func(r *result) { r.Said = e } }
func wakes(d time.Duration) expectation    { return func(r *result) { r.Wake = d } }
func applied(revision string) expectation  { return func(r *result) { r.Applied = revision } }
func promoted(revision string) expectation { return func(r *result) { r.Promoted = revision } }
func enters(p v1beta1.CanaryPhase) expectation {
	return func(r *result) { r.Phase = p }
}
func counts(weight, iterations, failures int) expectation {
	return func(r *result) { r.Weight, r.Iterations, r.Failures = weight, iterations, failures }
}
func ended(o Outcome, closing []Question, final ...Event) expectation {
	return func(r *result) { r.Outcome, r.Closing, r.Final = o, closing, final }
}

// ticked is an analysis used up; the next is an interval away.
func ticked() expectation {
	return func(r *result) { r.Analysed, r.Wake = true, 30*time.Second }
}

func normal(reason Reason, text string) Event {
	return Event{Type: "Normal", Reason: reason, Message: text}
}
func warning(reason Reason, text string) Event {
	return Event{Type: "Warning", Reason: reason, Message: text}
}

// summarise leaves out of a decision what keeps things as they are: the Services, and a Route to where traffic is.
func summarise(in Observation, dec Decision) result {
	if len(dec.Ask) > 0 {
		return result{Ask: dec.Ask}
	}
	s := dec.Status
	return result{
		Did: changes(in, dec.Actions), Said: phaseless(dec.Events), Phase: s.Phase,
		Weight: s.CanaryWeight, Iterations: s.Iterations, Failures: s.FailedChecks,
		Applied: s.LastAppliedSpec, Promoted: s.LastPromotedSpec,
		Wake: dec.After, Closing: dec.Closing, Final: phaseless(dec.Final), Outcome: dec.Outcome, Analysed: dec.Analysed,
	}
}

func changes(in Observation, actions []Action) []Action {
	return slices.DeleteFunc(slices.Clone(actions), func(a Action) bool {
		switch a := a.(type) {
		case EnsureServices, EnsureApex:
			return true
		case Route:
			return in.Routed && a.Traffic == in.Routing.Traffic
		}
		return false
	})
}

// phaseless leaves out of events what event hooks and chats are told besides.
func phaseless(events []Event) []Event {
	events = slices.Clone(events)
	for i := range events {
		events[i].Phase, events[i].Alert = "", Alert{}
	}
	return events
}

// decided is the decision that changes no more than the expectations say.
func decided(want ...expectation) []expectation { return want }

// row is one observation and the decision about it.
type row struct {
	reason string
	in     Observation
	want   []expectation
}

func runRows(t *testing.T, rows map[string]row) {
	t.Helper()
	for name, r := range rows {
		t.Run(name, func(t *testing.T) {
			before := r.in.Status.DeepCopy()
			s := r.in.Status
			want := result{
				Phase: s.Phase, Weight: s.CanaryWeight, Iterations: s.Iterations, Failures: s.FailedChecks,
				Applied: s.LastAppliedSpec, Promoted: s.LastPromotedSpec,
			}
			for _, expect := range r.want {
				expect(&want)
			}
			dec := Decide(r.in)
			if diff := cmp.Diff(want, summarise(r.in, dec), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", r.reason, diff)
			}
			if diff := cmp.Diff(*before, r.in.Status); diff != "" {
				t.Errorf("Decide changed what it was given (-before +after):\n%s", diff)
			}
			if err := Permit(r.in, dec); err != nil && len(dec.Ask) == 0 {
				t.Errorf("its own door refuses the decision: %v", err)
			}
		})
	}
}
