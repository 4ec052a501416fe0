package rollout

import (
	"errors"
	"fmt"
)

// ErrUnsafe says that a decision would break an invariant. Decisions never do, so it is a defect of ours; nothing of
// such a decision is carried out.
var ErrUnsafe = errors.New("refused as unsafe")

// guard keeps one invariant.
type guard struct {
	// name is the number of the invariant that doc.go lists.
	name string
	// breaks says in words how a decision would break it, and is empty for one that does not. The observation is
	// the one that was decided upon, in its normal form.
	breaks func(in Observation, dec Decision) string
}

// guards are the invariants. Each looks at what is observed and at what is to be done, and not at how the decision came
// about; the simulation proves that none of them can be left out.
var guards = []guard{
	{"I1", sparsePods},
	{"I2", earlyStop},
	{"I3", unanalysed},
	{"I4", leap},
	{"I5", lostRevision},
	{"I6", idleRun},
	{"I7", trespass},
	{"I8", blamedOutage},
	{"I9", sickPrimary},
}

// Permit is the one door for all that a decision changes: traffic, replicas, the primary and the status. It returns
// ErrUnsafe, with the invariant and the cause, for a decision of which nothing may be carried out.
func Permit(in Observation, dec Decision) error {
	in = in.normal()
	for _, guard := range guards {
		if cause := guard.breaks(in, dec); cause != "" {
			return fmt.Errorf("%w: %s: %s", ErrUnsafe, guard.name, cause)
		}
	}
	return nil
}
