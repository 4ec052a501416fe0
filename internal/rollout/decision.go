package rollout

import (
	"time"

	"flagger.app/flagger/api/v1beta1"
)

// Observation is all that a decision may depend on.
type Observation struct {
	Now  time.Time
	Plan Plan
	// UID and Generation are the canary's; the UID seeds session cookies.
	UID        string
	Generation int64
	// Status is what was last stored.
	Status v1beta1.CanaryStatus
	// Moved is when this process last changed the traffic of the canary, or when it began: what happened before its last
	// write of the status may be told nowhere. Zero where that does not matter.
	Moved time.Time
	// Deleting is set once the canary has a deletion time stamp.
	Deleting bool
	// Target and Primary are the workload that the user deploys and the copy that serves.
	Target, Primary Workload
	// Configs are the checksums of the ConfigMaps and Secrets that the target refers to, by "configmap/name" and
	// "secret/name"; nil when they are not tracked, or cannot be told because of Obstacle.
	Configs map[string]string
	// Obstacle says in words what only the user can mend, and keeps any version from being copied until then: a config
	// that is missing or may not be read, an autoscaler that is not the target's. It is empty for none.
	Obstacle string
	// Missing says in words that there is no target; empty while there is one. On deletion that is no news.
	Missing string
	// Claim says in words who else has a claim to what is ours to write, such as a workload of the primary's name that
	// somebody else made. Nothing is touched then. It is empty for nobody.
	Claim string
	// Routed is false until the routing object exists; Routing is then its zero value.
	Routed  bool
	Routing Routing
	// Answers are the questions of this round that have been answered so far.
	Answers Answers
}

// Decision is what to do next, in this order: ask, act, store the status, announce.
type Decision struct {
	// Ask holds the questions whose answers are needed first; if there are any, nothing else is set.
	Ask []Question
	// Actions are to be performed in their order; the first error ends the decision.
	Actions []Action
	// Status is to be stored after the actions, if it differs from the stored one.
	Status v1beta1.CanaryStatus
	// Events are sent once the status is stored, then the Closing hooks are called, then Final is sent.
	Events  []Event
	Closing []Question
	Final   []Event
	// Outcome is set by the decision that ends a run.
	Outcome Outcome
	// Analysed is set by a decision that consumed a tick.
	Analysed bool
	// After is when to decide again if nothing wakes the canary before; 0 for never.
	After time.Duration
}

// Performed is the status to store once the actions have been performed, at that time: users have left a side, or come
// to it, no sooner than that, however long it took.
func (dec Decision) Performed(in Observation, at time.Time) v1beta1.CanaryStatus {
	status := *dec.Status.DeepCopy()
	if moved := status.LastRouteTime; moved != nil && moved.Time.Equal(in.Now) {
		status.LastRouteTime = microTime(at)
	}
	return status
}

// Outcome is how a run ended.
type Outcome int

const (
	// Running is a run that has not ended with this decision.
	Running Outcome = iota
	// Promoted is after a complete analysis.
	Promoted
	// Skipped is promoted without analysis, as the spec asked.
	Skipped
	// RolledBack is a run whose revision failed, while promoting too.
	RolledBack
)

// Action is one idempotent change of the cluster.
type Action interface{ action() }

// EnsureServices makes the Services of the primary and of the canary what the spec says.
type EnsureServices struct{}

// EnsureApex points the Service that users call at the primary.
type EnsureApex struct{}

// SyncPrimary creates the primary from the target, or brings a primary that serves nobody yet to the target's present
// version. A primary that carries it already gets the target's size, where no autoscaler says otherwise.
type SyncPrimary Version

// EnsureScaler makes the primary's autoscaler where it is missing.
type EnsureScaler struct{}

// SyncScaler makes the primary's autoscaler what the target's is.
type SyncScaler struct{}

// Route makes Traffic the configured traffic.
type Route struct{ Traffic Traffic }

// ScaleCanary starts or stops the target's pods.
type ScaleCanary struct{ Direction Direction }

// Promote copies the target to the primary, but only while it still carries this very version.
type Promote Version

// PruneConfigs removes the copies of configs that a primary which is ready refers to no longer.
type PruneConfigs struct{}

// Release hands the apex Service and the routing object back as they were before the canary.
type Release struct{}

// Unroute hands the routing object back, or takes it away, and nothing else.
type Unroute struct{}

// Forget removes the finalizer, so that the canary can go.
type Forget struct{}

// Direction is up from zero, or down to it.
type Direction int

const (
	// Down to zero replicas.
	Down Direction = iota
	// Up to the replicas the target had or, if it had none, the primary's.
	Up
)

func (EnsureServices) action() {}
func (Unroute) action()        {}
func (PruneConfigs) action()   {}
func (EnsureApex) action()     {}
func (EnsureScaler) action()   {}
func (SyncScaler) action()     {}
func (SyncPrimary) action()    {}
func (Route) action()          {}
func (ScaleCanary) action()    {}
func (Promote) action()        {}
func (Release) action()        {}
func (Forget) action()         {}

// Event is one announcement about the canary, sent after the status is stored.
type Event struct {
	// Type is "Normal" or "Warning".
	Type string
	// Reason is typed, for programs; Message is for people and pinned by the contract.
	Reason  Reason
	Message string
	// Phase is what event hooks are told: the phase at the time of the event.
	Phase v1beta1.CanaryPhase
	// Alert is what chats are told with it; the zero Alert for nothing.
	Alert Alert
}

// Alert is an announcement for people in chats. Its message is pinned by the contract.
type Alert struct {
	Severity v1beta1.AlertSeverity
	Message  string
	// Detailed adds how the canary is analysed.
	Detailed bool
}

// QuestionKind says who can answer a question.
type QuestionKind int

const (
	// AskHook calls the webhook at Index of the spec.
	AskHook QuestionKind = iota
	// AskMetric runs the metric check at Index of the spec.
	AskMetric
	// AskProviders probes every metrics provider that the spec names; Index is 0.
	AskProviders
)

// Question costs a call to somebody outside, so it is asked only where the answer matters. It is comparable.
type Question struct {
	Kind  QuestionKind
	Index int
	// Phase is what a webhook is told.
	Phase v1beta1.CanaryPhase
}

// Verdict is the answer of a check in one word.
type Verdict string

const (
	// Pass says that the value is within its bounds, or the hook agreed.
	Pass Verdict = v1beta1.VerdictPass
	// Fail says that the value is out of bounds, or the hook did not agree.
	Fail Verdict = v1beta1.VerdictFail
	// NoData says that the provider answered that it holds no value; counted like Fail.
	NoData Verdict = v1beta1.VerdictNoData
	// ProviderError says that nobody could be asked; it pauses the run and is not counted.
	ProviderError Verdict = v1beta1.VerdictError
)

// Answer is what a question brought.
type Answer struct {
	Verdict Verdict
	// Message is, for a metric that did not pass, the complete event text; for a hook, the cause alone.
	Message string
	// Value, Min and Max are the measured value and its bounds where there are any, in the metric's unit.
	Value, Min, Max *float64
}

// Answers are the answers known so far.
type Answers map[Question]Answer
