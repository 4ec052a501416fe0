package config

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/analysis"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/test/config/manifest"
)

func TestSamplesAreAccepted(t *testing.T) {
	cluster := manifest.NewCluster(t)
	for _, file := range found(t, "samples", "*.yaml") {
		t.Run(filepath.Base(file), func(t *testing.T) { cluster.Offer(t, read(t, file)) })
	}
}

// Schemas cannot tell everything: what is left is told by the core, once a provider can do all there is.
func TestSampleCanariesAreCarriedOut(t *testing.T) {
	everything := rollout.Capabilities{Routes: true, Match: true, Mirror: true, Affinity: true}
	for _, file := range found(t, "samples", "*.yaml") {
		for _, object := range read(t, file) {
			if object.GetKind() != "Canary" {
				continue
			}
			canary := &v1beta1.Canary{}
			convert(t, object, canary)
			if _, err := rollout.NewPlan(canary, everything, rollout.Settings{Drain: time.Second}); err != nil {
				t.Errorf("%s: %v", filepath.Base(file), err)
			}
		}
	}
}

func TestSampleQueriesCanBeRendered(t *testing.T) {
	canary := &v1beta1.Canary{}
	canary.Name, canary.Namespace, canary.Spec.TargetRef.Name = "podinfo", "test", "podinfo"
	model := analysis.NewModel(canary, v1beta1.CanaryMetric{Interval: "1m"})
	for _, file := range found(t, "samples", "*.yaml") {
		for _, object := range read(t, file) {
			if object.GetKind() != "MetricTemplate" {
				continue
			}
			template := &v1beta1.MetricTemplate{}
			convert(t, object, template)
			if _, err := model.Render(template.Spec.Query); err != nil {
				t.Errorf("%s: %s: %v", filepath.Base(file), template.Name, err)
			}
		}
	}
}

func convert(t *testing.T, object *manifest.Object, into any) {
	t.Helper()
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, into); err != nil {
		t.Fatalf("%s: %v", object.GetName(), err)
	}
}

func read(t *testing.T, file string) []*manifest.Object {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return manifest.Decode(t, string(text))
}
