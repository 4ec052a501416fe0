//go:build linux

package rbac

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
)

// newPrometheus is a server for which every value is 1.
func newPrometheus(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]}]}}`)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// newChat is a server that takes messages, and tells of each.
func newChat(t *testing.T) (url string, told <-chan struct{}) {
	t.Helper()
	messages := make(chan struct{}, 100) // more than there are
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { messages <- struct{}{} }))
	t.Cleanup(server.Close)
	return server.URL, messages
}

// measured is an app whose releases are measured by every provider that is asked through the API server or with a Secret, and
// told in a chat whose address is in a Secret.
func (w *world) measured() app {
	credentials := &corev1.Secret{StringData: map[string]string{"address": w.chat, "username": "a", "password": "b"}}
	credentials.Name = "credentials"
	ref := &corev1.LocalObjectReference{Name: "credentials"}
	room := &v1beta1.AlertProvider{Spec: v1beta1.AlertProviderSpec{Type: "slack", SecretRef: ref}}
	room.Name = "chat"
	return newApp("measured", func(a *app) {
		a.beside = append(a.beside, credentials, room, untyped("metrics.keptn.sh/v1beta1/KeptnMetric", "measured", nil))
		a.canary.Spec.SkipAnalysis = false
		a.canary.Spec.Analysis.StepWeights, a.canary.Spec.Analysis.Iterations = nil, 1
		a.canary.Spec.Analysis.Alerts = []v1beta1.CanaryAlert{{
			Name: "chat", Severity: v1beta1.SeverityInfo, ProviderRef: v1beta1.CrossNamespaceObjectReference{Name: "chat"},
		}}
		a.measure("prometheus", v1beta1.MetricTemplateSpec{
			Provider: v1beta1.MetricTemplateProvider{Type: "prometheus", Address: w.prometheus, SecretRef: ref}, Query: "vector(1)",
		})
		for name, query := range map[string]string{"keptn-metric": "keptnmetric/", "keptn-analysis": "analysis/"} {
			a.measure(name, v1beta1.MetricTemplateSpec{
				Provider: v1beta1.MetricTemplateProvider{Type: "keptn"}, Query: query + w.namespace + "/measured",
			})
		}
	})
}

// unmeasurable is an app whose releases fail, for the metric that they need is in no cluster of these tests.
func (w *world) unmeasurable() app {
	return newApp("unmeasurable", func(a *app) {
		a.canary.Spec.SkipAnalysis = false
		a.canary.Spec.Analysis.StepWeights, a.canary.Spec.Analysis.Iterations, a.canary.Spec.Analysis.Threshold = nil, 1, 1
		a.canary.Spec.Analysis.OnProviderError = v1beta1.OnProviderErrorFail
		a.measure("external", v1beta1.MetricTemplateSpec{
			Provider: v1beta1.MetricTemplateProvider{Type: "externalmetrics"}, Query: w.namespace + "/queue-length",
		})
	})
}

// measure adds a template, and a check by it that passes where the value is 1.
func (a *app) measure(name string, spec v1beta1.MetricTemplateSpec) {
	metric := &v1beta1.MetricTemplate{Spec: spec}
	metric.Name = name
	a.beside = append(a.beside, client.Object(metric))
	a.canary.Spec.Analysis.Metrics = append(a.canary.Spec.Analysis.Metrics, v1beta1.CanaryMetric{
		Name: name, Interval: "1m", TemplateRef: &v1beta1.CrossNamespaceObjectReference{Name: name},
		ThresholdRange: &v1beta1.CanaryThresholdRange{Min: ptr.To(1.0)},
	})
}
