package rollout

// iterateAB is A/B testing: every iteration sends all requests that match to the canary.
func (d *draft) iterateAB() Decision {
	done := d.in.Status.Iterations
	if done >= d.in.Plan.Iterations {
		return d.promote()
	}
	d.dec.Status.Iterations = done + 1
	d.dec.Status.CanaryWeight = 0 // the iterations stand for all that matches
	d.route(ToCanary())
	d.say(ReasonIterationAdvanced, d.in.Plan.textIteration(done+1))
	return d.tick().done()
}
