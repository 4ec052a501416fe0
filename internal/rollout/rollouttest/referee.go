package rollouttest

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// referee watches the cluster for what must never happen.
type referee struct {
	cluster *Cluster
	// stepped is when the run last went a step up.
	stepped time.Time
	// said are the answers of the present run, the latest of each question.
	said map[rollout.Question]rollout.Answer
	// analysed are the revisions that went past every gate and check.
	analysed map[string]bool
}

func newReferee(c *Cluster) referee {
	return referee{cluster: c, said: map[rollout.Question]rollout.Answer{}, analysed: map[string]bool{}}
}

func forbid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrForbidden, fmt.Sprintf(format, args...))
}

func (r *referee) answered(q rollout.Question, a rollout.Answer) { r.said[q] = a }

// routed referees a change of traffic.
func (r *referee) routed(before route, after rollout.Traffic) error {
	c := r.cluster
	found := before.traffic
	if !before.exists {
		found = rollout.ToPrimary()
	}
	switch {
	case after.Primary+after.Canary != 100:
		return forbid("weights %d and %d do not sum to 100", after.Primary, after.Canary)
	case after.Canary > found.Canary && !c.workloads[Target].ready(c.Now):
		return forbid("weight %d to a target that is not ready", after.Canary)
	case after.Primary > found.Primary && c.workloads[Primary].available(c.Now) == 0:
		return forbid("weight %d to a primary that cannot answer", after.Primary)
	case !before.exists && !c.workloads[Primary].ready(c.Now):
		return forbid("the first users to a primary that is not ready")
	}
	return nil
}

// stopped referees a scale-down of the target, which was as before.
func (r *referee) stopped(plan rollout.Plan, before deployment) error {
	c := r.cluster
	switch {
	case plan.Routes && c.route.traffic.Canary > 0:
		return forbid("the target is stopped at weight %d", c.route.traffic.Canary)
	case c.Now.Sub(c.route.left) < plan.Drain:
		return forbid("the target is stopped %v after users left it", c.Now.Sub(c.route.left))
	case c.Now.Sub(c.apexMoved) < plan.Drain && before.available(c.Now) > 0:
		return forbid("the target is stopped %v after the apex left it", c.Now.Sub(c.apexMoved))
	case c.apex == Target:
		return forbid("the target is stopped while the apex selects it")
	}
	return nil
}

// promoted referees a change of the primary's template.
func (r *referee) promoted(plan rollout.Plan, revision string) error {
	if plan.SkipAnalysis || r.analysed[revision] {
		return nil
	}
	status := r.cluster.Canary.Status
	switch {
	case status.LastAppliedSpec != revision:
		return forbid("%s is promoted, %s was analysed", letter(revision), letter(status.LastAppliedSpec))
	case plan.Strategy == rollout.Weighted && status.CanaryWeight < int(plan.Steps[len(plan.Steps)-1]):
		return forbid("%s is promoted at weight %d", letter(revision), status.CanaryWeight)
	case plan.Strategy != rollout.Weighted && status.Iterations < plan.Iterations:
		return forbid("%s is promoted after %d iterations", letter(revision), status.Iterations)
	}
	if err := r.pastGates(plan); err != nil {
		return err
	}
	r.analysed[revision] = true
	return nil
}

// gates are the hooks that must have agreed before a promotion.
var gates = []v1beta1.HookType{v1beta1.HookPreRollout, v1beta1.HookRollout, v1beta1.HookConfirmPromotion}

// pastGates checks that every gate and check of the run agreed when it was last asked.
func (r *referee) pastGates(plan rollout.Plan) error {
	for i, name := range plan.Metrics {
		if r.said[rollout.Question{Kind: rollout.AskMetric, Index: i}].Verdict != rollout.Pass {
			return forbid("promoted past metric %s", name)
		}
	}
	for _, hook := range plan.Hooks {
		q := rollout.Question{Kind: rollout.AskHook, Index: hook.Index, Phase: v1beta1.PhaseProgressing}
		if slices.Contains(gates, hook.Type) && r.said[q].Verdict != rollout.Pass {
			return forbid("promoted past %s hook %s", hook.Type, hook.Name)
		}
	}
	return nil
}

// forgotten referees the end of a canary that was deleted.
func (r *referee) forgotten(plan rollout.Plan) error {
	c := r.cluster
	if !plan.RevertOnDeletion {
		return nil
	}
	switch {
	case !c.workloads[Target].ready(c.Now):
		return forbid("the canary goes before its target is ready")
	case c.apex != Target || c.Now.Sub(c.apexMoved) < plan.Drain:
		return forbid("the canary goes before users have left the primary")
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
	v1beta1.PhaseFinalising:       {v1beta1.PhaseProgressing, v1beta1.PhaseSucceeded, v1beta1.PhaseFailed},
}

func drawn(from, to v1beta1.CanaryPhase) bool {
	if from == to || to == v1beta1.PhaseTerminating {
		return true
	}
	return slices.Contains(edges[from], to)
}

// begins tells whether a status begins a run, or begins it again for another revision.
func begins(before, after v1beta1.CanaryStatus) bool {
	if before.Phase != v1beta1.PhaseProgressing && before.Phase != v1beta1.PhaseWaitingPromotion {
		return true
	}
	return after.LastAnalysisTime == nil || before.LastAppliedSpec != after.LastAppliedSpec ||
		!equality.Semantic.DeepEqual(before.TrackedConfigs, after.TrackedConfigs)
}

// stored referees a write of the status.
func (r *referee) stored(plan rollout.Plan, before, after v1beta1.CanaryStatus) error {
	c := r.cluster
	if !drawn(before.Phase, after.Phase) {
		return forbid("phase %s turns into %s", before.Phase, after.Phase)
	}
	analysing := after.Phase == v1beta1.PhaseProgressing || after.Phase == v1beta1.PhaseWaitingPromotion
	if analysing && begins(before, after) {
		r.stepped = time.Time{}
		clear(r.said)
		return nil
	}
	up := after.CanaryWeight > before.CanaryWeight || after.Iterations > before.Iterations
	if analysing && up {
		if c.Now.Sub(r.stepped) < plan.Interval {
			return forbid("two steps within %v", c.Now.Sub(r.stepped))
		}
		r.stepped = c.Now
	}
	return nil
}

// rest referees a cluster in which nothing more is due: no revision was lost, and users are where the status says.
func (r *referee) rest() error {
	c := r.cluster
	status := c.Canary.Status
	target, primary := c.workloads[Target].revision, c.workloads[Primary].revision
	parked := status.Phase == v1beta1.PhaseFailed && status.CanaryWeight > 0
	if c.Canary.Spec.Suspend {
		return nil
	}
	switch status.Phase {
	case v1beta1.PhaseInitialized, v1beta1.PhaseSucceeded:
		if target != status.LastPromotedSpec || target != primary {
			return forbid("rest with %s pushed, %s promoted and %s on the primary", letter(target), letter(status.LastPromotedSpec), letter(primary))
		}
	case v1beta1.PhaseFailed:
		if target != status.LastAppliedSpec {
			return forbid("rest with %s pushed and %s failed", letter(target), letter(status.LastAppliedSpec))
		}
	default:
		return fmt.Errorf("%w: nothing ever wakes phase %s", ErrEndless, status.Phase)
	}
	if c.route.exists && !parked && c.route.traffic.Canary > 0 {
		return forbid("rest with weight %d on the target", c.route.traffic.Canary)
	}
	return nil
}
