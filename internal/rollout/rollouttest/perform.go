package rollouttest

import (
	"fmt"

	"flagger.app/flagger/internal/rollout"
)

// perform carries one action out.
func (p *player) perform(in rollout.Observation, action rollout.Action) error {
	if err := p.before(); err != nil {
		return err
	}
	title, err := p.carryOut(in.Plan, action)
	if err != nil || title == "" {
		return err
	}
	if p.cluster.claim != "" && !in.Deleting {
		return forbid("I7", "%s in spite of a claim", title)
	}
	p.log.line("does", title)
	p.woken = true
	p.record.Changes++
	if p.record.Changes == p.story.Kill {
		return fmt.Errorf("%w after a write", errKilled)
	}
	return p.behind()
}

// carryOut changes the cluster; it returns a title if anything changed.
func (p *player) carryOut(plan rollout.Plan, action rollout.Action) (string, error) {
	c := p.cluster
	switch a := action.(type) {
	case rollout.EnsureServices:
		return "", nil
	case rollout.EnsureApex:
		return p.moveApex(Primary), p.referee.apexed()
	case rollout.Route:
		return p.moveTraffic(plan, a.Traffic)
	case rollout.EnsureScaler, rollout.SyncScaler, rollout.PruneConfigs:
		return "", nil
	case rollout.SyncPrimary:
		return p.syncPrimary(plan, rollout.Version(a), "sync")
	case rollout.Promote:
		return p.syncPrimary(plan, rollout.Version(a), "promote")
	case rollout.ScaleCanary:
		return p.scale(plan, a.Direction)
	case rollout.Release:
		return p.release()
	case rollout.Forget:
		err := p.referee.forgotten(plan)
		c.collect()
		return "let the canary go", err
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

// release gives users back to the target, and the routing object up.
func (p *player) release() (string, error) {
	p.cluster.route = route{left: p.cluster.route.left}
	title := p.moveApex(Target)
	if title == "" {
		return "", nil
	}
	return title, p.referee.released()
}

func (p *player) moveTraffic(plan rollout.Plan, t rollout.Traffic) (string, error) {
	if !plan.Routes {
		return "", nil
	}
	before := p.cluster.route
	if before.traffic != t {
		p.moved = p.cluster.Now
	}
	if !p.cluster.route.set(p.cluster.Now, p.cluster.pace, t) {
		return "", nil
	}
	return "route " + traffic(t), p.referee.routed(plan, before, t)
}

func (p *player) syncPrimary(plan rollout.Plan, want rollout.Version, verb string) (string, error) {
	c := p.cluster
	if c.version() != want {
		return "", errOvertaken
	}
	before := c.workloads[Primary]
	if !c.sync() {
		return "", nil
	}
	after := c.workloads[Primary]
	if before.revision == after.revision && before.configs == after.configs {
		return fmt.Sprintf("resize the primary to %d", after.replicas), nil
	}
	p.record.Rolls++
	title := fmt.Sprintf("%s the primary to %s", verb, letter(want.Revision))
	if verb == "sync" {
		return title, p.referee.copied(before, want)
	}
	return title, p.referee.promoted(plan, want)
}

func (p *player) scale(plan rollout.Plan, direction rollout.Direction) (string, error) {
	c := p.cluster
	target := &c.workloads[Target]
	if direction == rollout.Up {
		if target.replicas > 0 || !target.scale(c.Now, c.pace, replicas, c.broken[Target][target.revision]) {
			return "", nil
		}
		target.started = c.version().Configs
		return "start the target", nil
	}
	before := *target
	if !target.scale(c.Now, c.pace, 0, false) {
		return "", nil
	}
	return "stop the target", p.referee.stopped(plan, before)
}
