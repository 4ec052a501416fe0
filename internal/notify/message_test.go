package notify

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit"
)

func TestCompose(t *testing.T) {
	plan := func(o ...testkit.CanaryOption) *v1beta1.Canary {
		c := testkit.Canary(o...)
		c.Namespace = "shop"
		return c
	}
	stepWeight := func(c *v1beta1.Canary) {
		c.Spec.Analysis.StepWeights, c.Spec.Analysis.StepWeight, c.Spec.Analysis.MaxWeight = nil, 2.5, 50
	}
	rows := func(routing string) []Field {
		fields := []Field{{"Target", "Deployment/web.shop"}, {"Failed checks threshold", "2"}, {"Progress deadline", "600s"}}
		if routing != "" {
			fields = append(fields, Field{"Traffic routing", routing})
		}
		return fields
	}
	brief, detailed := rollout.Alert{Message: "hello"}, rollout.Alert{Message: "hello", Detailed: true}

	cases := map[string]struct {
		reason  string
		canary  *v1beta1.Canary
		alert   rollout.Alert
		cluster string
		want    []Field
	}{
		"Brief":        {"Most alerts say all in one sentence.", plan(), brief, "", nil},
		"BriefCluster": {"The cluster is told with every alert.", plan(), brief, "prod", []Field{{"Cluster", "prod"}}},
		"Cluster":      {"The cluster comes first.", plan(), detailed, "prod", append([]Field{{"Cluster", "prod"}}, rows("Weight steps: 50 max: 0")...)},
		"Steps":        {"A list of weights.", plan(testkit.Steps(5, 20, 80)), detailed, "", rows("Weight steps: 5,20,80 max: 0")},
		"Step":         {"One step again and again.", plan(stepWeight), detailed, "", rows("Weight step: 2.5 max: 50")},
		"BlueGreen":    {"Iterations without a match.", plan(testkit.Iterations(5)), detailed, "", rows("Blue/Green")},
		"ABTest":       {"Iterations with a match.", plan(testkit.Iterations(5), testkit.MatchHeader("x", "y")), detailed, "", rows("A/B Testing")},
		"NoSteps":      {"Nothing is told of no steps.", plan(testkit.Steps()), detailed, "", rows("")},
		"Limits": {"The limits are the effective ones, and large ones are written out.",
			plan(testkit.Iterations(5), func(c *v1beta1.Canary) {
				c.Spec.Analysis.Threshold, c.Spec.ProgressDeadlineSeconds = 0, new(v1beta1.Number(31536000))
			}), detailed, "",
			[]Field{{"Target", "Deployment/web.shop"}, {"Failed checks threshold", "1"}, {"Progress deadline", "31536000s"}, {"Traffic routing", "Blue/Green"}}},
		"NoAnalysis": {"A canary without analysis is initialized too.",
			plan(func(c *v1beta1.Canary) { c.Spec.Analysis = nil }), detailed, "",
			[]Field{{"Target", "Deployment/web.shop"}, {"Failed checks threshold", "1"}, {"Progress deadline", "600s"}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			want := Message{Canary: "web.shop", Text: "hello", Fields: tc.want}
			if diff := cmp.Diff(want, compose(tc.canary, tc.alert, tc.cluster)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
