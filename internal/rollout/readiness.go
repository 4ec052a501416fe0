package rollout

import "flagger.app/flagger/api/v1beta1"

// kindReadiness is how the readiness of a workload is named in status.checks. It is recorded once it holds a canary
// up, and its time is since when it does.
const kindReadiness = "readiness"

// subject is the workload that a reason to hold is about.
func (p Plan) subject(reason Reason) string {
	if reason == reasonPrimaryNotReady {
		return p.primary()
	}
	return p.Target
}

func (p Plan) primary() string { return p.Target + "-primary" }

// limited gives a workload a deadline that cannot tell since when it is waiting: it counts from when that was recorded.
func (in Observation) limited(w Workload, name string) Workload {
	i := in.lastCheck(in.Status.Checks, kindReadiness, name)
	if w.Limit > 0 && w.Readiness == Waiting && i >= 0 && in.Status.Checks[i].Verdict == v1beta1.VerdictFail {
		w.Deadline = in.Status.Checks[i].Time.Add(w.Limit)
	}
	return w
}

// recovered records that what held the canary up is ready.
func (d *draft) recovered() {
	names := [...]string{d.in.Plan.Target, d.in.Plan.primary()}
	for i, w := range [...]Workload{d.in.Target, d.in.Primary} {
		if w.Readiness == Ready && d.in.verdict(kindReadiness, names[i]) == Fail {
			d.record(kindReadiness, names[i], Answer{Verdict: Pass})
		}
	}
}
