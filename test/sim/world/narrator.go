package world

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"flagger.app/flagger/internal/testkit/memory"
)

// narrator writes down who did what when, if anybody wants to know.
type narrator struct {
	strings.Builder
	clock *clock
	mute  bool
	// answers were given at the same time, so that their order says nothing.
	answers []string
}

// tell adds a line; it costs nothing where nobody listens.
func (n *narrator) tell(who, format string, args ...any) {
	if n.mute {
		return
	}
	slices.Sort(n.answers)
	for _, answer := range n.answers {
		n.line("asked", answer)
	}
	n.answers = nil
	n.line(who, fmt.Sprintf(format, args...))
}

func (n *narrator) line(who, what string) {
	_, _ = fmt.Fprintf(n, "%9s  %-8s  %s\n", n.clock.now.Sub(dawn).Round(time.Millisecond), who, what) // takes everything
}

// answer keeps what the operator was told for the next line.
func (n *narrator) answer(name, verdict string) {
	if !n.mute {
		n.answers = append(n.answers, name+": "+verdict)
	}
}

// wrote tells a write of the operator.
func (n *narrator) wrote(w memory.Write) {
	if n.mute {
		return
	}
	n.tell("operator", "%s %s %s: %s", strings.TrimSpace(w.Verb+" "+w.Subresource), w.Kind.Kind, w.Name, describe(w.After))
}

// describe is what of an object matters here.
func describe(object tree) string {
	switch text(object, "kind") {
	case "":
		return "gone"
	case "Canary":
		return fmt.Sprintf("%s weight %d iterations %d failed %d, applied %s promoted %s, finalizers %v",
			text(object, "status", "phase"), number(object, "status", "canaryWeight"), number(object, "status", "iterations"),
			number(object, "status", "failedChecks"), text(object, "status", "lastAppliedSpec"),
			text(object, "status", "lastPromotedSpec"), list(object, "metadata", "finalizers"))
	case "Deployment":
		return fmt.Sprintf("%s, %d replicas, generation %d; observed %d, %d pods, %d updated, %d available",
			image(object), number(object, "spec", "replicas"), number(object, "metadata", "generation"),
			number(object, "status", "observedGeneration"), number(object, "status", "replicas"),
			number(object, "status", "updatedReplicas"), number(object, "status", "availableReplicas"))
	case "HTTPRoute":
		split, found := divided(object)
		return fmt.Sprintf("weights %v %t, generation %d", split, found, number(object, "metadata", "generation"))
	case "Service":
		return fmt.Sprint("selects ", at(object, "spec", "selector"))
	case "ConfigMap", "Secret":
		return fmt.Sprint("data ", object["data"])
	}
	return "written"
}
