package rollout

import (
	"errors"
	"fmt"
)

// ErrUnsafe says that an action would break an invariant; decisions never contain one, so it is a defect of ours.
var ErrUnsafe = errors.New("refused as unsafe")

// Permit is the one door for changes of traffic and replicas. It looks at what is observed, not at how the decision
// came about, and refuses what would send users to a side that cannot answer or take pods away under them.
func Permit(in Observation, a Action) error {
	switch a := a.(type) {
	case Route:
		return in.permitRoute(a.Traffic)
	case ScaleCanary:
		if a.Direction == Down {
			return in.permitScaleDown()
		}
	case Promote:
		if a.Revision != in.Target.Revision {
			return fmt.Errorf("%w: promote %s while the target carries %s", ErrUnsafe, a.Revision, in.Target.Revision)
		}
	}
	return nil
}

func (in Observation) permitRoute(t Traffic) error {
	found := in.Routing.Traffic
	switch {
	case !in.Plan.Routes:
	case t.Primary+t.Canary != whole:
		return fmt.Errorf("%w: weights %d and %d do not sum to 100", ErrUnsafe, t.Primary, t.Canary)
	case t.Canary > found.Canary && in.Target.Readiness != Ready:
		return fmt.Errorf("%w: weight %d to a canary that is not ready", ErrUnsafe, t.Canary)
	case in.Routed && t.Primary > found.Primary && in.Primary.Available == 0:
		return fmt.Errorf("%w: weight %d to a primary without an available pod", ErrUnsafe, t.Primary)
	}
	return nil
}

func (in Observation) permitScaleDown() error {
	switch {
	case in.Routing.Traffic.Canary > 0:
		return fmt.Errorf("%w: stop the canary while it has weight %d", ErrUnsafe, in.Routing.Traffic.Canary)
	case in.untilDrained() > 0 && in.Target.Replicas > 0:
		return fmt.Errorf("%w: stop the canary before its requests have ended", ErrUnsafe)
	}
	return nil
}
