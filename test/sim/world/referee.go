package world

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit/memory"
)

// referee watches the operator's writes for what must never happen.
type referee struct {
	*world
	violation error
	// recent are the versions that the target has had since the operator's caches were last up to date.
	recent []version
	// copied is the version that the primary's template was last written with.
	copied version
	// answers are the latest of the run, with the versions that they may be about.
	answers map[string]answer
	// blamed says that a check that failed, or a hook, has given cause for a rollback.
	blamed bool
	// weighted is when the operator last saw weight on the target, apexed when it moved the apex Service away from it.
	weighted, apexed moment
	// stepped is when the run last went a step up.
	stepped moment
}

// version is what pods run: their image, and what their configs say.
type version struct{ image, settings, credentials string }

// answer is what a metric said.
type answer struct {
	verdict rollout.Verdict
	about   []version
}

func newReferee(w *world) *referee { return &referee{world: w, answers: map[string]answer{}} }

// forbid notes the first violation.
func (r *referee) forbid(format string, args ...any) {
	if r.violation == nil {
		r.violation = fmt.Errorf(format, args...)
	}
}

// versionOf is the version of a Deployment whose configs have a suffix; the zero version for none.
func (r *referee) versionOf(name, suffix string) version {
	v := version{image: image(r.tree(deploymentKind, name))}
	if v.image != "" && r.scenario.configured {
		v.settings = text(r.tree(configMapKind, settings+suffix), "data", "value")
		v.credentials = text(r.tree(secretKind, credentials+suffix), "data", "value")
	}
	return v
}

// look notes what the operator can see, and what it cannot know yet.
func (r *referee) look() {
	if len(r.operator.client.Behind()) == 0 {
		r.recent = r.recent[:0]
	}
	if now := r.versionOf(app, ""); !slices.Contains(r.recent, now) {
		r.recent = append(r.recent, now)
	}
	if weights, _ := divided(r.seen(routeKind, app)); weights.canary > 0 {
		r.weighted = r.clock.moment()
	}
}

// seen is an object as the operator's caches show it to a reader like itself.
func (r *referee) seen(kind kindOf, name string) tree {
	var reader client.Object = &v1beta1.Canary{}
	if kind == routeKind {
		reader = &unstructured.Unstructured{}
	}
	return r.operator.client.Seen(kind, client.ObjectKey{Namespace: namespace, Name: name}, reader)
}

// measured notes the answer of a metric.
func (r *referee) measured(name string, verdict rollout.Verdict) {
	r.answers[name] = answer{verdict: verdict, about: slices.Clone(r.recent)}
	if verdict == rollout.Fail || verdict == rollout.NoData {
		r.blamed = true
	}
}

// called notes the answer of a hook.
func (r *referee) called(kind v1beta1.HookType, agreed bool) {
	if kind == v1beta1.HookRollback == agreed {
		r.blamed = true
	}
}

// wrote judges a write.
func (r *referee) wrote(w memory.Write) {
	r.owns(w)
	switch w.Kind {
	case canaryKind:
		if w.Subresource != "" && w.Before != nil {
			r.status(w.Before, w.After)
		}
	case deploymentKind:
		if w.Name == app {
			r.target(w.Before, w.After)
		} else {
			r.copy(w.Before, w.After)
		}
	case routeKind:
		r.route(w.Before, w.After)
	case serviceKind:
		if w.Name == app {
			r.apex(w.Before, w.After)
		}
	}
	r.look()
}

// owns is I7.
func (r *referee) owns(w memory.Write) {
	if r.operator.working == rival && w.Name != rival && r.older(app, rival) {
		r.forbid("I7: %s %s %s for the younger canary", w.Verb, w.Kind.Kind, w.Name)
	}
	mine := map[string][]string{
		canaryKind.Kind:     {r.operator.working},
		deploymentKind.Kind: {app, primary},
		serviceKind.Kind:    {app, primary, canaryside},
		routeKind.Kind:      {app},
		configMapKind.Kind:  {settings + "-primary"},
		secretKind.Kind:     {credentials + "-primary"},
		scalerKind.Kind:     {primary},
	}
	if !slices.Contains(mine[w.Kind.Kind], w.Name) {
		r.forbid("I7: %s %s %s", w.Verb, w.Kind.Kind, w.Name)
	}
	shared := w.Kind == canaryKind || w.Name == app // the target, and what may be taken over
	if w.Before != nil && !shared && !ofCanary(w.Before) {
		r.forbid("I7: %s %s %s, which somebody else made", w.Verb, w.Kind.Kind, w.Name)
	}
}

// older tells whether the operator knows both canaries and that the first is the older.
func (r *referee) older(first, second string) bool {
	a, b := r.seen(canaryKind, first), r.seen(canaryKind, second)
	return a != nil && b != nil && text(a, "metadata", "creationTimestamp") < text(b, "metadata", "creationTimestamp")
}

// ofCanary tells whether some canary made an object.
func ofCanary(object tree) bool {
	return slices.ContainsFunc(list(object, "metadata", "ownerReferences"), func(entry any) bool {
		owner, _ := entry.(tree)
		return owner["kind"] == canaryKind.Kind
	})
}

// enough tells whether the operator sees enough ready pods of a Deployment.
func (r *referee) enough(name string) bool {
	d := r.seen(deploymentKind, name)
	return d != nil && number(d, "spec", "replicas") > 0 &&
		number(d, "status", "observedGeneration") >= number(d, "metadata", "generation") &&
		number(d, "status", "updatedReplicas") >= number(d, "spec", "replicas") &&
		number(d, "status", "availableReplicas") >= number(d, "status", "updatedReplicas")
}

// serves tells whether the operator sees any ready pod of a Deployment.
func (r *referee) serves(name string) bool {
	return number(r.seen(deploymentKind, name), "status", "availableReplicas") > 0
}
