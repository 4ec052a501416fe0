package world

import (
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// interval is that of the builders' canaries.
const interval = 10 * time.Second

// unsafe tells whether the operator has refused its own decision.
func unsafe(err error) bool { return errors.Is(err, rollout.ErrUnsafe) }

// ending heals everything and takes the story to its happy end.
func (w *world) ending() error {
	w.heal()
	if err := w.settle(); err != nil {
		return err
	}
	if w.tree(canaryKind, app) == nil {
		w.recreate()
		if err := w.settle(); err != nil {
			return err
		}
	}
	if err := w.rest(); err != nil {
		return err
	}
	w.pushLast()
	if err := w.settle(); err != nil {
		return err
	}
	if w.stranded() {
		w.pushImage("newest", "")
		if err := w.settle(); err != nil {
			return err
		}
	}
	if err := w.happy(); err != nil {
		return err
	}
	return w.idle()
}

// heal makes everything work. Images that cannot run remain so now and then: what is pushed last must get through
// nevertheless.
func (w *world) heal() {
	w.calm = true
	w.oracle.clear()
	w.cluster.gateway = gateway{}
	// A canary that ends waits for its target as long as it takes.
	ends := at(w.tree(canaryKind, app), "metadata", "deletionTimestamp") != nil || w.tree(canaryKind, rival) != nil
	if ends || !w.chance.OneIn(3) {
		clear(w.cluster.broken)
	}
	w.unsquat()
	w.restoreConfig()
	w.remove(&v1beta1.Canary{}, rival)
	w.respec(`{"suspend":false,"skipAnalysis":false}`)
	w.log.tell("weather", "everything is healed, but for %v", w.cluster.broken)
}

// settle goes on until nothing more is due.
func (w *world) settle() error {
	for range mostSettling {
		w.cluster.live()
		w.deliver()
		if name, woken := w.operator.woken(); woken {
			w.steps++
			w.operator.reconcile(name)
		} else if !w.advance() {
			return w.referee.violation
		}
		if w.referee.violation != nil {
			return w.referee.violation
		}
	}
	return fmt.Errorf("I5: phase %s never settles", text(w.tree(canaryKind, app), "status", "phase"))
}

// rest judges a world in which nothing more is due.
func (w *world) rest() error {
	canary := w.tree(canaryKind, app)
	phase := v1beta1.CanaryPhase(text(canary, "status", "phase"))
	target, copied := w.referee.versionOf(app, ""), w.referee.versionOf(primary, "-primary")
	weights, _ := divided(w.tree(routeKind, app))
	switch {
	case w.stranded():
	case w.cluster.isBroken(primary, copied.image): // and waits for a version that can run
	case copied.image == "" && target != w.referee.copied: // only a new version can bring the primary back
	case weights.canary > 0 && number(canary, "status", "canaryWeight") == 0 && w.referee.serves(primary):
		return fmt.Errorf("I5: at rest in phase %s with weight %d", phase, weights.canary)
	case phase == v1beta1.PhaseFailed:
	case phase != v1beta1.PhaseInitialized && phase != v1beta1.PhaseSucceeded:
		return fmt.Errorf("I5: nothing ever wakes phase %s", phase)
	case target != copied:
		return fmt.Errorf("I5: at rest in phase %s with %v pushed and %v on the primary", phase, target, copied)
	}
	return nil
}

// pushLast pushes a version that can run.
func (w *world) pushLast() {
	w.pushImage("last", "")
	if w.scenario.configured && w.chance.OneIn(2) {
		w.edit(&corev1.ConfigMap{}, settings, `{"data":{"value":"last"}}`)
	}
	w.referee.look()
}

// stranded tells whether users are on pods that have to be restarted for an edited config, while nobody else can serve
// them: the operator has to say so, and its user to push another template.
func (w *world) stranded() bool {
	canary := w.tree(canaryKind, app)
	owes := slices.ContainsFunc(list(canary, "status", "checks"), func(entry any) bool {
		check, _ := entry.(tree)
		return check["kind"] == "configs" && check["verdict"] == v1beta1.VerdictFail
	})
	stalled := condition(list(canary, "status", "conditions"), v1beta1.StalledCondition)
	return owes && stalled["status"] == "True"
}

// happy judges the end of a story.
func (w *world) happy() error {
	if err := w.rest(); err != nil {
		return err
	}
	canary, target := w.tree(canaryKind, app), w.tree(deploymentKind, app)
	phase := v1beta1.CanaryPhase(text(canary, "status", "phase"))
	serving := text(w.tree(serviceKind, app), "spec", "selector", "app")
	weights, _ := divided(w.tree(routeKind, app))
	switch {
	case phase != v1beta1.PhaseSucceeded && phase != v1beta1.PhaseInitialized:
		return fmt.Errorf("I5: what was pushed last ends %s", phase)
	case image(w.tree(deploymentKind, primary)) != image(target):
		return fmt.Errorf("I5: what was pushed last is not on the primary: %s", describe(w.tree(deploymentKind, primary)))
	case number(target, "spec", "replicas") > 0:
		return fmt.Errorf("I5: the story ends with pods of the target")
	case weights.canary > 0:
		return fmt.Errorf("I5: the story ends with weight %d", weights.canary)
	case serving != primary:
		return fmt.Errorf("I5: the story ends with an apex that selects %s", serving)
	}
	return nil
}

// idle judges a further call, which has nothing to do.
func (w *world) idle() error {
	w.operator.requests = nil
	w.operator.reconcile(app)
	if sent := w.operator.requests; len(sent) > 0 {
		return fmt.Errorf("idle: a call with nothing to do sends %q", sent)
	}
	return w.referee.violation
}
