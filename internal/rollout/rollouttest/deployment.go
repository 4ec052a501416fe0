package rollouttest

import (
	"fmt"
	"time"

	"flagger.app/flagger/internal/rollout"
)

// Side is one of the two workloads.
type Side int

const (
	// Target is what the user deploys.
	Target Side = iota
	// Primary is the copy that serves.
	Primary
)

func (s Side) String() string {
	if s == Primary {
		return "primary"
	}
	return "target"
}

// deployment is a workload whose pods take a while to start.
type deployment struct {
	exists   bool
	revision string
	// configs is, on the primary, the fingerprint of the configs that it was copied with.
	configs string
	// started is, on the target, the fingerprint of the configs that its pods read when they were started; empty for
	// pods that came with a template, as nobody who is not looking all the time can tell what those found.
	started string
	// unmarked is a primary of Flagger's: its revision can be told only by comparing it with the target.
	unmarked bool
	replicas int
	// old are the pods of the revision before that serve until the present one is ready.
	old int
	// readyAt is when the pods of the present revision serve; never says that they will not by themselves.
	readyAt time.Time
	never   bool
	// deadline is when a workload that is not ready is given up, since began.
	deadline time.Time
	// downUntil is the end of an outage of all pods.
	downUntil time.Time
	// serving is since when, or from when on, there is no moment without an available pod, but for outages.
	serving time.Time
}

func (d *deployment) ready(now time.Time) bool {
	return d.exists && d.replicas > 0 && !d.never && !now.Before(d.readyAt) && !now.Before(d.downUntil)
}

// stuck tells whether the pods were given up.
func (d *deployment) stuck(now time.Time) bool {
	hopeless := d.never || now.Before(d.readyAt)
	return d.exists && d.replicas > 0 && hopeless && !now.Before(d.deadline)
}

func (d *deployment) available(now time.Time) int {
	switch {
	case !d.exists || now.Before(d.downUntil):
		return 0
	case d.ready(now):
		return d.replicas
	}
	return min(d.old, d.replicas)
}

// roll starts pods of the present revision; those that serve now go on until the new ones are ready.
func (d *deployment) roll(now time.Time, pace Pace, broken bool) {
	d.old = max(d.available(now)-1, 0)
	d.start(now, pace, broken)
}

// start starts pods of the present revision.
func (d *deployment) start(now time.Time, pace Pace, broken bool) {
	d.never, d.deadline = broken, now.Add(pace.Deadline)
	d.readyIn(pace.Startup, now)
}

// readyIn lets the pods of the present revision be ready in a while.
func (d *deployment) readyIn(while time.Duration, now time.Time) {
	d.readyAt = now.Add(while)
	if d.old == 0 {
		d.serving = d.readyAt
	}
}

// up is since when there is no moment without an available pod.
func (d *deployment) up() time.Time {
	if d.downUntil.After(d.serving) {
		return d.downUntil
	}
	return d.serving
}

// scale changes the number of pods and tells whether it did.
func (d *deployment) scale(now time.Time, pace Pace, to int, broken bool) bool {
	if d.replicas == to {
		return false
	}
	if d.replicas == 0 {
		d.old, d.downUntil = 0, time.Time{}
		d.start(now, pace, broken)
	}
	d.replicas = to
	return true
}

// next is the time of the next change by itself, or the zero time.
func (d *deployment) next(now time.Time) time.Time {
	next := time.Time{}
	for _, t := range []time.Time{d.readyAt, d.downUntil} {
		started := d.exists && d.replicas > 0 && !d.never
		if started && t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	return next
}

// observe is what an adapter reports of the workload, in the words of the contract.
func (d *deployment) observe(now time.Time, side Side, name, namespace string) rollout.Workload {
	w := rollout.Workload{Exists: d.exists, Revision: d.revision, Configs: d.configs, Replicas: d.replicas, Available: d.available(now), Serving: d.up()}
	if d.ready(now) {
		w.Readiness = rollout.Ready
		return w
	}
	cause := fmt.Sprintf("waiting for rollout to finish: %d of %d (readyThreshold 100%%) updated replicas are available",
		w.Available, d.replicas)
	switch {
	case d.replicas == 0:
		cause = "waiting for rollout to finish: the deployment is scaled to zero replicas"
	case !d.never && now.Before(d.downUntil):
	case now.Before(d.deadline):
		w.Deadline = d.deadline
	default:
		w.Readiness = rollout.Stuck
		cause = fmt.Sprintf("deployment %q exceeded its progress deadline", name)
	}
	w.Reason = fmt.Sprintf("canary deployment %s.%s not ready: %s", name, namespace, cause)
	if side == Primary {
		w.Reason = fmt.Sprintf("%s.%s not ready: %s", name, namespace, cause)
	}
	return w
}
