package rollouttest

import (
	"fmt"
	"slices"
	"time"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// referee watches the cluster for what must never happen. What it whistles at begins with the invariant.
type referee struct {
	cluster *Cluster
	// stepped is when the run last went a step up.
	stepped time.Time
	// round are the answers of the present decision, said those of the present run, the latest of each question.
	round rollout.Answers
	said  map[rollout.Question]rollout.Answer
	// hopeless tells whether the target was stuck when the present decision was made.
	hopeless bool
	// analysed are the versions that went past every gate and check, tried those that a run was about.
	analysed, tried map[rollout.Version]bool
	// served are the versions that the primary was given by right.
	served map[rollout.Version]bool
}

func newReferee(c *Cluster) referee {
	return referee{
		cluster: c, said: map[rollout.Question]rollout.Answer{},
		analysed: map[rollout.Version]bool{}, tried: map[rollout.Version]bool{}, served: map[rollout.Version]bool{},
	}
}

// forbid is a violation of an invariant, or of the drawing in package rollout where there is none.
func forbid(invariant, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrForbidden, invariant, fmt.Sprintf(format, args...))
}

func (r *referee) answered(q rollout.Question, a rollout.Answer) { r.said[q] = a }

// routed referees a change of traffic.
func (r *referee) routed(plan rollout.Plan, before route, after rollout.Traffic) error {
	c := r.cluster
	found := before.traffic
	if !before.exists {
		found = rollout.ToPrimary()
	}
	target, primary := &c.workloads[Target], &c.workloads[Primary]
	switch {
	case after.Primary+after.Canary != 100:
		return forbid("I4", "weights %d and %d do not sum to 100", after.Primary, after.Canary)
	case after.Canary > found.Canary && !target.ready(c.Now):
		return forbid("I1", "weight %d to a target that is not ready", after.Canary)
	case after.Primary > found.Primary && primary.available(c.Now) == 0:
		return forbid("I1", "weight %d to a primary that cannot answer", after.Primary)
	case after.Canary > found.Canary && !r.heardOf(target), after.Primary > found.Primary && !r.heardOf(primary):
		return forbid("I1", "weights %d and %d before the data plane knows the pods", after.Primary, after.Canary)
	case after.Primary > found.Primary && target.ready(c.Now) && r.settled(plan, target) && r.sick():
		return forbid("I9", "weight %d to a primary that is not healthy", after.Primary)
	case after.Canary > found.Canary && after.Canary > r.highest(plan):
		return forbid("I4", "weight %d at %d", after.Canary, c.Canary.Status.CanaryWeight)
	}
	return nil
}

// heardOf tells whether the data plane knows the pods of a workload.
func (r *referee) heardOf(w *deployment) bool {
	return !r.cluster.Now.Before(w.up().Add(r.cluster.pace.Hear))
}

// settled tells whether the pods of a workload count as known to the data plane, which takes longer than to be known.
func (r *referee) settled(plan rollout.Plan, w *deployment) bool {
	return !r.cluster.Now.Before(w.up().Add(plan.Settle))
}

// sick tells whether the primary is in no state to take users back from a canary that does well.
func (r *referee) sick() bool {
	c := r.cluster
	primary := c.workloads[Primary]
	switch status := c.Canary.Status; status.Phase {
	case v1beta1.PhaseFailed, v1beta1.PhaseWaiting:
		return status.CanaryWeight > 0 && !primary.ready(c.Now)
	case v1beta1.PhasePromoting, v1beta1.PhaseFinalising:
		return primary.stuck(c.Now)
	default: // the canary is under analysis, or stopped
	}
	return false
}

// highest is the weight that the canary may have after one step of the plan.
func (r *referee) highest(plan rollout.Plan) rollout.Weight {
	status := r.cluster.Canary.Status
	promoted := status.Phase == v1beta1.PhasePromoting || status.Phase == v1beta1.PhaseFinalising
	if plan.Strategy != rollout.Weighted || promoted && r.cluster.workloads[Primary].stuck(r.cluster.Now) {
		return 100
	}
	now := rollout.Weight(status.CanaryWeight)
	for _, step := range plan.Steps {
		if step > now {
			return step
		}
	}
	return now
}

// apexed referees the first users of the primary.
func (r *referee) apexed() error {
	c := r.cluster
	first := c.Canary.Status.LastAppliedSpec == "" && c.Canary.Status.LastRouteTime == nil
	switch primary := &c.workloads[Primary]; {
	case first && !primary.ready(c.Now):
		return forbid("I1", "the first users to a primary that is not ready")
	case first && !r.heardOf(primary):
		return forbid("I1", "the first users to a primary that the data plane does not know")
	}
	return nil
}

// stopped referees a scale-down of the target, which was as before.
func (r *referee) stopped(plan rollout.Plan, before deployment) error {
	c := r.cluster
	switch {
	case plan.Routes && c.route.traffic.Canary > 0:
		return forbid("I2", "the target is stopped at weight %d", c.route.traffic.Canary)
	case c.Now.Sub(c.route.left) < plan.Drain:
		return forbid("I2", "the target is stopped %v after users left it", c.Now.Sub(c.route.left))
	case c.Now.Sub(c.apexMoved) < plan.Drain && before.available(c.Now) > 0:
		return forbid("I2", "the target is stopped %v after the apex left it", c.Now.Sub(c.apexMoved))
	case c.apex == Target:
		return forbid("I2", "the target is stopped while the apex selects it")
	}
	return nil
}

// copied referees a primary that is made, or made another before it has users.
func (r *referee) copied(before deployment, version rollout.Version) error {
	status := r.cluster.Canary.Status
	switch {
	case before.available(r.cluster.Now) > 0 && r.cluster.apex == Primary:
		return forbid("I3", "%s is copied to a primary that has users", letter(version.Revision))
	case status.Phase != "" && status.Phase != v1beta1.PhaseInitializing && !r.served[version]:
		return forbid("I3", "%s is copied, %s was promoted", letter(version.Revision), letter(status.LastPromotedSpec))
	}
	r.served[version] = true
	return nil
}

// promoted referees a change of the primary's template.
func (r *referee) promoted(plan rollout.Plan, version rollout.Version) error {
	if err := r.mayPromote(plan, version); err != nil {
		return err
	}
	r.served[version], r.analysed[version] = true, true
	return nil
}

func (r *referee) mayPromote(plan rollout.Plan, version rollout.Version) error {
	status := r.cluster.Canary.Status
	if plan.SkipAnalysis || r.analysed[version] {
		return nil
	}
	name := letter(version.Revision)
	switch {
	case status.LastAppliedSpec != version.Revision, status.TrackedConfigs != nil && recorded(status) != version:
		return forbid("I3", "%s is promoted, %s was analysed", name, letter(status.LastAppliedSpec))
	case plan.Strategy == rollout.Weighted && status.CanaryWeight < int(plan.Steps[len(plan.Steps)-1]):
		return forbid("I3", "%s is promoted at weight %d", name, status.CanaryWeight)
	case plan.Strategy != rollout.Weighted && status.Iterations < plan.Iterations:
		return forbid("I3", "%s is promoted after %d iterations", name, status.Iterations)
	}
	pods := r.cluster.workloads[Target]
	if read := pods.started; pods.replicas > 0 && read != "" && status.TrackedConfigs != nil && read != version.Configs {
		return forbid("I3", "%s is promoted, and its pods ran with other configs", name)
	}
	return r.pastGates(plan)
}

// recorded is the version that a status says a run is about.
func recorded(status v1beta1.CanaryStatus) rollout.Version {
	v := rollout.Version{Revision: status.LastAppliedSpec}
	if status.TrackedConfigs != nil {
		v.Configs = rollout.Fingerprint(*status.TrackedConfigs)
	}
	return v
}

// gates are the hooks that must have agreed before a promotion.
var gates = []v1beta1.HookType{v1beta1.HookPreRollout, v1beta1.HookRollout, v1beta1.HookConfirmPromotion}

// pastGates checks that every gate and check of the run agreed when it was last asked.
func (r *referee) pastGates(plan rollout.Plan) error {
	for i, name := range plan.Metrics {
		if r.said[rollout.Question{Kind: rollout.AskMetric, Index: i}].Verdict != rollout.Pass {
			return forbid("I3", "promoted past metric %s", name)
		}
	}
	for _, hook := range plan.Hooks {
		q := rollout.Question{Kind: rollout.AskHook, Index: hook.Index, Phase: v1beta1.PhaseProgressing}
		if slices.Contains(gates, hook.Type) && r.said[q].Verdict != rollout.Pass {
			return forbid("I3", "promoted past %s hook %s", hook.Type, hook.Name)
		}
	}
	return nil
}

// released referees users that come back to the target.
func (r *referee) released() error {
	target := &r.cluster.workloads[Target]
	switch {
	case !target.ready(r.cluster.Now):
		return forbid("I1", "users come back to a target that is not ready")
	case !r.heardOf(target):
		return forbid("I1", "users come back to a target that the data plane does not know")
	}
	return nil
}

// forgotten referees the end of a canary that was deleted.
func (r *referee) forgotten(plan rollout.Plan) error {
	c := r.cluster
	if !plan.RevertOnDeletion {
		return nil
	}
	if c.apex != Target || c.Now.Sub(c.apexMoved) < plan.Drain {
		return forbid("I2", "the canary goes before users have left the primary")
	}
	return nil
}

// stored referees a write of the status. Phases change as drawn, unless a decision was tampered with.
func (r *referee) stored(plan rollout.Plan, before, after v1beta1.CanaryStatus, tampered bool) error {
	if !tampered && !drawn(before.Phase, after.Phase) {
		return forbid("drawing", "phase %s turns into %s", before.Phase, after.Phase)
	}
	if err := r.blamed(plan, before, after); err != nil {
		return err
	}
	if analysing(after) && begins(before, after) {
		return r.begun(before)
	}
	if analysing(after) && (after.CanaryWeight > before.CanaryWeight || after.Iterations > before.Iterations) {
		return r.climbed(plan)
	}
	if before.Phase == v1beta1.PhaseWaiting && after.Phase == v1beta1.PhaseFailed {
		r.tried[recorded(after)] = true // somebody said no
	}
	return nil
}

// begun referees the start of a run.
func (r *referee) begun(before v1beta1.CanaryStatus) error {
	c := r.cluster
	r.stepped = time.Time{}
	clear(r.said)
	r.tried[c.version()] = true
	primary := c.workloads[Primary]
	same := primary.exists && primary.revision == c.version().Revision && primary.configs == c.version().Configs
	if same && !analysing(before) {
		return forbid("I6", "a run of %s, which the primary serves", letter(primary.revision))
	}
	return nil
}

// climbed referees a step up.
func (r *referee) climbed(plan rollout.Plan) error {
	now := r.cluster.Now.Add(-r.cluster.jumped) // as if the clock had never been set back
	if now.Sub(r.stepped) < plan.Interval {
		return forbid("I4", "two steps within %v", now.Sub(r.stepped))
	}
	r.stepped = now
	for q, answer := range r.round {
		if q.Kind == rollout.AskMetric && answer.Verdict == rollout.ProviderError {
			return forbid("I8", "a step up without an answer of a metrics provider")
		}
	}
	return nil
}

// blamed referees what is counted, and what ends a run as failed.
func (r *referee) blamed(plan rollout.Plan, before, after v1beta1.CanaryStatus) error {
	if after.FailedChecks > before.FailedChecks && !r.somethingFailed(plan) {
		return forbid("I8", "a failed check is counted, and none failed")
	}
	if !analysing(before) || after.Phase != v1beta1.PhaseFailed || before.FailedChecks >= plan.Threshold {
		return nil
	}
	for _, hook := range plan.Hooks {
		q := rollout.Question{Kind: rollout.AskHook, Index: hook.Index, Phase: before.Phase}
		if hook.Type == v1beta1.HookRollback && r.round[q].Verdict == rollout.Pass {
			return nil
		}
	}
	if !r.hopeless {
		return forbid("I8", "rolled back without a cause")
	}
	return nil
}

func (r *referee) somethingFailed(plan rollout.Plan) bool {
	for q, answer := range r.round {
		outage := q.Kind == rollout.AskMetric && answer.Verdict == rollout.ProviderError && !plan.CountProviderErrors
		if q.Kind != rollout.AskProviders && answer.Verdict != rollout.Pass && !outage {
			return true
		}
	}
	return false
}

// rest referees a cluster in which nothing more is due: no revision was lost, and users are where the status says.
func (r *referee) rest() error {
	c := r.cluster
	status := c.Canary.Status
	target, primary := c.version(), c.workloads[Primary]
	if c.gone || c.Canary.Spec.Suspend || c.claim != "" {
		return nil
	}
	parked := status.Phase == v1beta1.PhaseFailed && status.CanaryWeight > 0
	serves := primary.revision == target.Revision && (primary.configs == target.Configs || c.unreadable != "")
	switch status.Phase {
	case v1beta1.PhaseInitialized, v1beta1.PhaseSucceeded:
		if c.unreadable == "" && (target.Revision != status.LastPromotedSpec || !serves) {
			return forbid("I5", "rest with %s pushed, %s promoted and %s on the primary",
				letter(target.Revision), letter(status.LastPromotedSpec), letter(primary.revision))
		}
	case v1beta1.PhaseFailed:
		if c.unreadable == "" && !r.tried[target] && !serves {
			return forbid("I5", "rest with %s pushed, and no run was about it", letter(target.Revision))
		}
	default:
		return fmt.Errorf("%w: nothing ever wakes phase %s", ErrEndless, status.Phase)
	}
	if c.route.exists && !parked && c.route.traffic.Canary > 0 {
		return forbid("I4", "rest with weight %d on the target", c.route.traffic.Canary)
	}
	return nil
}

// edges are the changes of phase that package rollout draws.
var edges = map[v1beta1.CanaryPhase][]v1beta1.CanaryPhase{
	"":                            {v1beta1.PhaseInitializing},
	v1beta1.PhaseInitializing:     {v1beta1.PhaseInitialized},
	v1beta1.PhaseInitialized:      {v1beta1.PhaseWaiting, v1beta1.PhaseProgressing},
	v1beta1.PhaseSucceeded:        {v1beta1.PhaseWaiting, v1beta1.PhaseProgressing},
	v1beta1.PhaseFailed:           {v1beta1.PhaseWaiting, v1beta1.PhaseProgressing},
	v1beta1.PhaseWaiting:          {v1beta1.PhaseProgressing, v1beta1.PhaseSucceeded, v1beta1.PhaseFinalising, v1beta1.PhaseFailed},
	v1beta1.PhaseProgressing:      {v1beta1.PhaseWaitingPromotion, v1beta1.PhasePromoting, v1beta1.PhaseFinalising, v1beta1.PhaseFailed},
	v1beta1.PhaseWaitingPromotion: {v1beta1.PhaseProgressing, v1beta1.PhasePromoting, v1beta1.PhaseFinalising, v1beta1.PhaseFailed},
	v1beta1.PhasePromoting:        {v1beta1.PhaseProgressing, v1beta1.PhaseFinalising, v1beta1.PhaseFailed},
	v1beta1.PhaseFinalising:       {v1beta1.PhaseProgressing, v1beta1.PhasePromoting, v1beta1.PhaseSucceeded, v1beta1.PhaseFailed},
}

func drawn(from, to v1beta1.CanaryPhase) bool {
	if from == to || to == v1beta1.PhaseTerminating {
		return true
	}
	return slices.Contains(edges[from], to)
}

func analysing(s v1beta1.CanaryStatus) bool {
	return s.Phase == v1beta1.PhaseProgressing || s.Phase == v1beta1.PhaseWaitingPromotion
}

// begins tells whether a status begins a run, or begins it again for another version.
func begins(before, after v1beta1.CanaryStatus) bool {
	configured := before.TrackedConfigs != nil && recorded(before).Configs != recorded(after).Configs
	return !analysing(before) || after.LastAnalysisTime == nil && before.LastAnalysisTime != nil ||
		before.LastAppliedSpec != after.LastAppliedSpec || configured
}
