package rollouttest

import (
	"fmt"
	"strings"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// narrator writes the log: one line per thing that happened, none for what stayed as it was.
type narrator struct {
	strings.Builder
	cluster *Cluster
	// mute writes nothing, for stories that nobody reads.
	mute bool
	// told are the last lines about the state and about the workloads.
	told  string
	sides [2]string
}

func newNarrator(c *Cluster) *narrator {
	n := &narrator{cluster: c}
	n.look()
	return n
}

// look takes note of how the workloads are without telling it.
func (n *narrator) look() {
	if n.mute {
		return
	}
	for side := range n.sides {
		n.sides[side], _ = n.side(Side(side))
	}
}

// side says how a workload is, and whether that is worth a line.
func (n *narrator) side(side Side) (string, bool) {
	w := n.cluster.workloads[side].observe(n.cluster.Now, side, "", "")
	return fmt.Sprintf("%v %s", side, [...]string{"is not ready", "is ready", "is stuck"}[w.Readiness]), w.Replicas > 0
}

// clock is the time since the story began.
func (n *narrator) clock() string { return n.cluster.Now.Sub(epoch).Round(1e9).String() }

func (n *narrator) line(kind, text string) {
	if n.mute {
		return
	}
	_, _ = fmt.Fprintf(n, "%7s  %-5s  %s\n", n.clock(), kind, text) // a strings.Builder takes everything
}

// world tells what the cluster did by itself.
func (n *narrator) world() {
	if n.mute {
		return
	}
	for side := range n.sides {
		text, telling := n.side(Side(side))
		if n.sides[side] != text && telling {
			n.line("world", text)
		}
		n.sides[side] = text
	}
}

// state tells the stored status.
func (n *narrator) state() {
	if n.mute {
		return
	}
	s := n.cluster.Canary.Status
	text := fmt.Sprintf("%s weight %d iterations %d failed %d, applied %s promoted %s%s",
		s.Phase, s.CanaryWeight, s.Iterations, s.FailedChecks, letter(s.LastAppliedSpec), letter(s.LastPromotedSpec),
		conditions(s))
	if text != n.told {
		n.told = text
		n.line("state", text)
	}
}

func conditions(s v1beta1.CanaryStatus) string {
	var b strings.Builder
	for _, c := range s.Conditions {
		switch c.Type {
		case v1beta1.ReadyCondition:
			fmt.Fprintf(&b, ", Ready %s", c.Status)
		case v1beta1.ReconcilingCondition, v1beta1.StalledCondition:
			fmt.Fprintf(&b, ", %s %s", c.Type, c.Reason)
		}
	}
	return b.String()
}

func letter(revision string) string {
	if revision == "" {
		return "none"
	}
	return strings.TrimPrefix(revision, "h1:")
}

func traffic(t rollout.Traffic) string {
	text := fmt.Sprintf("%d/%d", t.Primary, t.Canary)
	if t.Mirrored {
		text += " mirrored"
	}
	for _, cookie := range []struct{ name, value string }{
		{"cookie", t.Affinity.Cookie}, {"primary cookie", t.Affinity.PrimaryCookie}, {"expired", t.Affinity.Expired},
	} {
		if cookie.value != "" {
			text += fmt.Sprintf(", %s %s", cookie.name, cookie.value)
		}
	}
	return text
}
