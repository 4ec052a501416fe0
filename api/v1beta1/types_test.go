package v1beta1_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"flagger.app/flagger/api/v1beta1"
)

func TestGetAnalysis(t *testing.T) {
	now, former := &v1beta1.CanaryAnalysis{Interval: "1m"}, &v1beta1.CanaryAnalysis{Interval: "2m"}
	cases := map[string]struct {
		reason string
		spec   v1beta1.CanarySpec
		want   *v1beta1.CanaryAnalysis
	}{
		"Analysis": {
			reason: "The current name is all that most canaries have.",
			spec:   v1beta1.CanarySpec{Analysis: now},
			want:   now,
		},
		"Both": {
			reason: "The current name wins over the former one.",
			spec:   v1beta1.CanarySpec{Analysis: now, CanaryAnalysis: former},
			want:   now,
		},
		"FormerName": {
			reason: "A canary under the former name still has an analysis.",
			spec:   v1beta1.CanarySpec{CanaryAnalysis: former},
			want:   former,
		},
		"None": {
			reason: "Without an analysis there is nothing to return, and nothing to invent.",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := &v1beta1.Canary{Spec: tc.spec}
			if diff := cmp.Diff(tc.want, c.GetAnalysis()); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// One canary with a fraction, stored before admission refused it, must not take the list away from all others.
func TestListDecodesWithFractions(t *testing.T) {
	raw := `{"items": [
		{"metadata": {"name": "odd"}, "spec": {"service": {"port": 80.5}, "analysis": {
			"threshold": 1.5, "stepWeight": 2.5, "stepWeights": [0.5], "maxWeight": 1e300,
			"sessionAffinity": {"maxAge": 0.1}, "webhooks": [{"retries": 0.5}]}}},
		{"metadata": {"name": "even"}, "spec": {"analysis": {"stepWeight": 10}}}]}`
	var list v1beta1.CanaryList
	if err := json.Unmarshal([]byte(raw), &list); err != nil {
		t.Fatalf("decode: %v", err)
	}
	got := []v1beta1.Number{list.Items[0].Spec.Analysis.StepWeight, list.Items[1].Spec.Analysis.StepWeight}
	if diff := cmp.Diff([]v1beta1.Number{2.5, 10}, got); diff != "" {
		t.Errorf("step weights (-want +got):\n%s", diff)
	}
}

func TestJSON(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)
	cases := map[string]struct {
		reason string
		value  any
		want   string
	}{
		"EmptyStatus": {
			reason: "Scripts read phase and the three counters without asking whether they exist; the rest is absent.",
			value:  v1beta1.CanaryStatus{},
			want:   `{"phase":"","failedChecks":0,"canaryWeight":0,"iterations":0}`,
		},
		"NothingTracked": {
			reason: "Tracked and none found differs from never tracked.",
			value:  v1beta1.CanaryStatus{TrackedConfigs: &map[string]string{}},
			want:   `{"phase":"","failedChecks":0,"canaryWeight":0,"iterations":0,"trackedConfigs":{}}`,
		},
		"Times": {
			reason: "The times that intervals count from keep their microseconds; the published one is in seconds.",
			value: v1beta1.CanaryStatus{
				LastTransitionTime: metav1.NewTime(at),
				LastAnalysisTime:   &metav1.MicroTime{Time: at},
			},
			want: `{"phase":"","failedChecks":0,"canaryWeight":0,"iterations":0,` +
				`"lastTransitionTime":"2026-01-02T03:04:05Z","lastAnalysisTime":"2026-01-02T03:04:05.600000Z"}`,
		},
		"NoScalerQueries": {
			reason: "Absent queries are derived from the target's.",
			value:  v1beta1.AutoscalerReference{Name: "a"},
			want:   `{"apiVersion":"","kind":"","name":"a"}`,
		},
		"EmptyScalerQueries": {
			reason: "An empty map of queries says to leave them all alone, so it must not get lost.",
			value:  v1beta1.AutoscalerReference{Name: "a", PrimaryScalerQueries: map[string]string{}},
			want:   `{"apiVersion":"","kind":"","name":"a","primaryScalerQueries":{}}`,
		},
		"UnsetTargetPort": {
			reason: "A port that nobody set stays unset.",
			value:  v1beta1.CanaryService{Port: 80},
			want:   `{"port":80}`,
		},
		"NamedTargetPort": {
			reason: "Container ports have names.",
			value:  v1beta1.CanaryService{Port: 80, TargetPort: intstr.FromString("http")},
			want:   `{"port":80,"targetPort":"http"}`,
		},
		"OneStrategy": {
			reason: "Strategies that are not chosen stay out, or admission would find two.",
			value:  v1beta1.CanaryAnalysis{Interval: "1m", Threshold: 5, Iterations: 10},
			want:   `{"interval":"1m","threshold":5,"iterations":10}`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := json.Marshal(tc.value)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestAddToScheme(t *testing.T) {
	s := runtime.NewScheme()
	if err := v1beta1.AddToScheme(s); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{v1beta1.CanaryKind, v1beta1.MetricTemplateKind, v1beta1.AlertProviderKind} {
		for _, name := range []string{kind, kind + "List"} {
			if !s.Recognizes(v1beta1.GroupVersion.WithKind(name)) {
				t.Errorf("want kind %s in the scheme", name)
			}
		}
	}
}
