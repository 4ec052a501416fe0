package rollout

import (
	"fmt"
	"time"
)

// The probe of the metrics providers is kept in status.checks under this kind and name.
const (
	kindProviders  = "provider"
	providersCheck = "metrics-providers"
)

// probe asks whether the metrics providers of the spec answer, before anything depends on them. It never blocks: a
// provider that is out of reach is told once and asked again every interval; a mistake in the spec stalls the canary
// until it is mended.
func (d *draft) probe() gateResult {
	in := d.in
	before := in.verdict(kindProviders, providersCheck)
	if in.Plan.SkipAnalysis || before == Pass && in.Status.ObservedGeneration == in.Generation {
		return open
	}
	if left := in.untilProbe(); left > 0 {
		d.after(left)
		d.complainOfProviders()
		return closed
	}
	q := Question{Kind: AskProviders}
	answer, answered := in.Answers[q]
	if !answered {
		d.dec.Ask = []Question{q}
		return unasked
	}
	d.record(kindProviders, providersCheck, answer)
	if answer.Verdict == Pass {
		if before != Pass {
			d.say(ReasonProvidersAvailable, textProvidersAvailable)
		}
		return open
	}
	if before != answer.Verdict {
		d.warn(ReasonProviderUnavailable, textProviders(answer.Message))
	}
	d.complainOfProviders()
	d.after(in.Plan.Interval)
	return closed
}

func textProviders(cause string) string {
	return fmt.Sprintf("Error checking metric providers: %s", cause)
}

// untilProbe is the time until a probe that failed is repeated; a new spec is probed at once.
func (in Observation) untilProbe() time.Duration {
	i := in.lastCheck(in.Status.Checks, kindProviders, providersCheck)
	if i < 0 || in.Status.ObservedGeneration != in.Generation {
		return 0
	}
	return in.Status.Checks[i].Time.Add(in.Plan.Interval).Sub(in.Now)
}

// complainOfProviders stalls a canary whose spec names a provider that cannot be.
func (d *draft) complainOfProviders() {
	checks := d.dec.Status.Checks
	if i := d.in.lastCheck(checks, kindProviders, providersCheck); Verdict(checks[i].Verdict) == Fail {
		d.stall = note{reason: ReasonProviderUnavailable, message: textProviders(checks[i].Message)}
	}
}

// doubted tells whether a canary at rest has reason to probe: the last probe failed, or the spec is new.
func (in Observation) doubted() bool {
	before := in.verdict(kindProviders, providersCheck)
	return before != "" && (before != Pass || in.Status.ObservedGeneration != in.Generation)
}
