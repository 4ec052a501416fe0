package rollouttest

import (
	"fmt"

	"flagger.app/flagger/internal/rollout"
)

// perform carries one action out through the core's own door. A decision that the door refuses is a defect.
func (p *player) perform(in rollout.Observation, action rollout.Action) error {
	if err := rollout.Permit(in, action); err != nil {
		return fmt.Errorf("%w: %w", ErrForbidden, err)
	}
	title, err := p.carryOut(in.Plan, action)
	if err != nil || title == "" {
		return err
	}
	p.log.line("does", title)
	p.woken = true
	p.record.Changes++
	if p.record.Changes == p.story.Kill {
		return fmt.Errorf("%w after a write", errKilled)
	}
	return nil
}

// carryOut changes the cluster; it returns a title if anything changed.
func (p *player) carryOut(plan rollout.Plan, action rollout.Action) (string, error) {
	c := p.cluster
	switch a := action.(type) {
	case rollout.EnsureServices:
		return "", nil
	case rollout.EnsureApex:
		return p.moveApex(Primary), nil
	case rollout.Route:
		return p.moveTraffic(plan, a.Traffic)
	case rollout.SyncPrimary:
		return p.syncPrimary(plan, a.Revision, "sync")
	case rollout.Promote:
		return p.syncPrimary(plan, a.Revision, "promote")
	case rollout.ScaleCanary:
		return p.scale(plan, a.Direction)
	case rollout.Release:
		return p.moveApex(Target), nil
	case rollout.Forget:
		c.gone = true
		return "let the canary go", p.referee.forgotten(plan)
	}
	return "", fmt.Errorf("%w: unknown action %T", ErrForbidden, action)
}

func (p *player) moveApex(to Side) string {
	c := p.cluster
	if c.apex == to {
		return ""
	}
	c.apex, c.apexMoved = to, c.Now
	return fmt.Sprintf("apex to the %v", to)
}

func (p *player) moveTraffic(plan rollout.Plan, t rollout.Traffic) (string, error) {
	if !plan.Routes {
		return "", nil
	}
	before := p.cluster.route
	if !p.cluster.route.set(p.cluster.Now, p.cluster.pace, t) {
		return "", nil
	}
	return "route " + traffic(t), p.referee.routed(before, t)
}

func (p *player) syncPrimary(plan rollout.Plan, revision, verb string) (string, error) {
	c := p.cluster
	if c.workloads[Target].revision != revision {
		return "", errOvertaken
	}
	created := !c.workloads[Primary].exists
	if !c.sync() {
		return "", nil
	}
	p.record.Rolls++
	title := fmt.Sprintf("%s the primary to %s", verb, letter(revision))
	if created || verb == "sync" {
		return title, nil
	}
	return title, p.referee.promoted(plan, revision)
}

func (p *player) scale(plan rollout.Plan, direction rollout.Direction) (string, error) {
	c := p.cluster
	target := &c.workloads[Target]
	if direction == rollout.Up {
		if target.replicas > 0 || !target.scale(c.Now, c.pace, replicas, c.broken[Target][target.revision]) {
			return "", nil
		}
		return "start the target", nil
	}
	before := *target
	if !target.scale(c.Now, c.pace, 0, false) {
		return "", nil
	}
	return "stop the target", p.referee.stopped(plan, before)
}
