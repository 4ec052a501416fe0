package rollout

// iterateBlueGreen is Blue/Green: the canary is tested aside, with copies of the requests if asked for, then it gets
// all of them for one more analysis, then it is promoted.
func (d *draft) iterateBlueGreen() Decision {
	in := d.in
	done := in.Status.Iterations
	switch {
	case done < in.Plan.Iterations:
		d.dec.Status.Iterations = done + 1
		if d.want.Canary == 0 { // users that a failed promotion has parked on the canary stay
			d.route(in.servable(Traffic{Primary: whole, Mirrored: in.Plan.Mirror}))
		}
		d.say(ReasonIterationAdvanced, in.Plan.textIteration(done+1))
		return d.tick().done()
	case done > in.Plan.Iterations:
		return d.promote()
	}
	if held, dec := d.confirmPromotion(); held {
		return dec
	}
	d.dec.Status.Iterations = done + 1
	if in.Plan.Routes {
		d.dec.Status.CanaryWeight = 0 // the iterations stand for all traffic now
		d.route(ToCanary())
		d.say(ReasonTrafficSwitched, in.Plan.textSwitch())
	}
	return d.tick().done()
}

func (p Plan) textSwitch() string {
	if p.Mirror {
		return textMirrorToCanary
	}
	return textToCanary
}
