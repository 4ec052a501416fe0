package rollout_test

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/rollout/rollouttest"
)

// mesh can do everything, ingress all but mirroring weighted steps; kubernetes has no routing object.
var (
	mesh = rollout.Capabilities{
		Routes: true, Match: true, Mirror: true, MirrorSteps: true, Affinity: true, PrimaryAffinity: true, AffinityMatch: true,
	}
	kubernetes = rollout.Capabilities{}
)

// shape changes a canary that states nothing but its names.
type shape func(*v1beta1.Canary)

func canary(shapes ...shape) *v1beta1.Canary {
	c := &v1beta1.Canary{ObjectMeta: metav1.ObjectMeta{Name: "podinfo", Namespace: "test"}}
	c.Spec.TargetRef = v1beta1.LocalObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "podinfo"}
	c.Spec.Service.Port = 80
	c.Spec.Analysis = &v1beta1.CanaryAnalysis{Interval: "30s", Threshold: 2}
	for _, s := range shapes {
		s(c)
	}
	return c
}

func steps(step, most v1beta1.Number) shape {
	return func(c *v1beta1.Canary) { c.Spec.Analysis.StepWeight, c.Spec.Analysis.MaxWeight = step, most }
}

func iterations(n v1beta1.Number) shape {
	return func(c *v1beta1.Canary) { c.Spec.Analysis.Iterations = n }
}

func match() shape {
	return func(c *v1beta1.Canary) {
		c.Spec.Analysis.Match = []istio.HTTPMatchRequest{{Headers: map[string]istio.StringMatch{"x-user": {Exact: "insider"}}}}
	}
}

func mirror() shape { return func(c *v1beta1.Canary) { c.Spec.Analysis.Mirror = true } }

func promotion(step v1beta1.Number) shape {
	return func(c *v1beta1.Canary) { c.Spec.Analysis.StepWeightPromotion = step }
}

func threshold(n v1beta1.Number) shape {
	return func(c *v1beta1.Canary) { c.Spec.Analysis.Threshold = n }
}

func affinity() shape {
	return func(c *v1beta1.Canary) {
		c.Spec.Analysis.SessionAffinity = &v1beta1.SessionAffinity{CookieName: "canary", PrimaryCookieName: "primary"}
	}
}

func metric(name string) shape {
	return func(c *v1beta1.Canary) {
		c.Spec.Analysis.Metrics = append(c.Spec.Analysis.Metrics, v1beta1.CanaryMetric{Name: name})
	}
}

func hook(kind v1beta1.HookType, name string) shape {
	return func(c *v1beta1.Canary) {
		c.Spec.Analysis.Webhooks = append(c.Spec.Analysis.Webhooks,
			v1beta1.CanaryWebhook{Type: kind, Name: name, URL: "http://hooks.test/" + name})
	}
}

func spec(edit func(*v1beta1.CanarySpec)) shape { return func(c *v1beta1.Canary) { edit(&c.Spec) } }

func skipAnalysis(spec *v1beta1.CanarySpec) { spec.SkipAnalysis = true }

func revertOnDeletion(spec *v1beta1.CanarySpec) { spec.RevertOnDeletion = true }

func onProviderErrorFail(spec *v1beta1.CanarySpec) {
	spec.Analysis.OnProviderError = v1beta1.OnProviderErrorFail
}

// tell is a story on a mesh that begins with an initialised canary and the push of revision B.
func tell(c *v1beta1.Canary, beats ...rollouttest.Beat) rollouttest.Story {
	return story(c, append([]rollouttest.Beat{rollouttest.On(rollouttest.AtRest(), rollouttest.Push("B"))}, beats...)...)
}

// story is a story on a mesh from the very beginning.
func story(c *v1beta1.Canary, beats ...rollouttest.Beat) rollouttest.Story {
	return rollouttest.Story{
		Canary:       c,
		Capabilities: mesh,
		Settings:     rollout.Settings{Drain: 10 * time.Second},
		Pace:         rollouttest.Pace{Startup: 12 * time.Second, Deadline: time.Minute},
		Beats:        beats,
	}
}

// without a mesh.
func plain(s rollouttest.Story) rollouttest.Story {
	s.Capabilities = kubernetes
	return s
}
