package rollout

import (
	"time"

	"flagger.app/flagger/api/v1beta1"
)

// Strategy is how traffic comes to the canary.
type Strategy int

const (
	// Weighted shifts a growing share of all traffic.
	Weighted Strategy = iota
	// ABTest sends the requests that match a condition, for a number of iterations.
	ABTest
	// BlueGreen tests the canary aside for a number of iterations, then switches all traffic.
	BlueGreen
)

// Label returns the strategy as the metric label deployment_strategy spells it.
func (s Strategy) Label() string {
	switch s {
	case ABTest:
		return "ab-testing"
	case BlueGreen:
		return "blue-green"
	case Weighted:
	}
	return "canary"
}

// Capabilities are what a routing provider can do; a row of the table of providers.
type Capabilities struct {
	// Routes: there is a routing object at all. Without one only the primary gets live traffic.
	Routes bool
	// Match: A/B conditions on requests.
	Match bool
	// Mirror: copying requests to the canary during Blue/Green.
	Mirror bool
	// MirrorSteps: the same as the first step of a weighted rollout.
	MirrorSteps bool
	// Affinity: session cookies for the canary; PrimaryAffinity: for the primary too.
	Affinity, PrimaryAffinity bool
	// AffinityMatch: session affinity together with A/B conditions.
	AffinityMatch bool
	// Uncollected: nobody collects the routing object when the canary goes, as it cannot be owned by it.
	Uncollected bool
	// Gateways: service.gatewayRefs are needed to route anything.
	Gateways bool
}

// Settings are the operator's own, the same for every canary.
type Settings struct {
	// Drain is how long a side keeps its pods after traffic has left it.
	Drain time.Duration
	// Settle is how long a side that had no available pod has them before users are sent to it.
	Settle time.Duration
	// NoCrossNamespaceRefs refuses references to other namespaces.
	NoCrossNamespaceRefs bool
}

// Hook is one webhook of the analysis, by its place in the spec.
type Hook struct {
	Name  string
	Type  v1beta1.HookType
	Index int
	// Muted: chats are not told while it keeps the run waiting.
	Muted bool
}

// Plan is a canary's spec once parsed: defaults applied, durations read, steps listed. Nothing in it is optional
// and nobody edits it.
type Plan struct {
	// Canary, Namespace, Target and Kind name the objects in events.
	Canary, Namespace, Target, Kind string
	Strategy                        Strategy
	// Routes is false for a provider that has no routing object.
	Routes bool
	// Steps are the canary weights to come to, ascending; empty unless Weighted.
	Steps []Weight
	// Iterations are the checks to pass; zero for Weighted.
	Iterations int
	// Mirror copies traffic to the canary: all through Blue/Green, as the first step of Weighted.
	Mirror bool
	// PromotionStep is the primary's gain per interval while promoting; 0 shifts everything at once.
	PromotionStep Weight
	Interval      time.Duration
	// Threshold is the number of failed checks that ends a run, at least 1.
	Threshold int
	// Drain is how long pods outlive the traffic that has left them.
	Drain time.Duration
	// Settle is how long pods that have come where there were none are there before users are sent to them.
	Settle time.Duration
	// CountProviderErrors makes an unreachable metrics provider a failed check instead of a pause.
	CountProviderErrors bool
	// Autoscaled: the target has an autoscaler, and the primary gets a copy of it.
	Autoscaled       bool
	SkipAnalysis     bool
	Suspended        bool
	RevertOnDeletion bool
	// Uncollected is set where the routing object has to be taken away when the canary goes.
	Uncollected bool
	// Affinity is the name of the canary's session cookie, PrimaryAffinity that of the primary's; empty for none.
	Affinity, PrimaryAffinity string
	Hooks                     []Hook
	// Metrics are the names of the metric checks, in the order of the spec.
	Metrics []string
	// Notices are warnings about what the provider makes of the spec, told at the start of a run.
	Notices []string
	// PrimaryReady and CanaryReady are the shares of pods, in percent, that must be available.
	PrimaryReady, CanaryReady int
	// Deadline is how long a workload may be unready before it counts as Stuck.
	Deadline time.Duration
}
