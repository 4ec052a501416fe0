package controller

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/prometheus"
	"flagger.app/flagger/internal/testkit"
)

// badInput is one mistake of a user.
type badInput struct {
	reason string
	canary []testkit.CanaryOption
	// wrong is merged into the canary's manifest, in YAML, before it is applied.
	wrong string
	// operator changes the operator's options, arrange the namespace before the canary is there.
	operator, arrange func(w *world)
	// target is the user's Deployment; nil for the usual one.
	target func() *appsv1.Deployment
	// provoke brings the mistake to light where applying the canary does not; the canary is at rest when it begins.
	provoke func(w *world)
	// says is what event and condition must name: the field or object, and the cause.
	says []string
	// touches are the user's objects that may be written to all the same, as "Kind name".
	touches []string
	// mend is merged into the canary by the user who has read that; mending does what else is needed.
	mend    string
	mending func(w *world)
}

func TestBadInput(t *testing.T) {
	for _, group := range []map[string]badInput{badSpecs, badTraffic, badRoutes, badMetrics, badObjects} {
		for name, row := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				row.play(t)
			})
		}
	}
}

func (b badInput) play(t *testing.T) {
	w := newWorld(t)
	if b.operator != nil {
		b.operator(w)
		w.restart()
	}
	if b.arrange != nil {
		b.arrange(w)
	}
	target := testkit.Deployment("app:1")
	if b.target != nil {
		target = b.target()
	}
	if target != nil {
		w.apply(target)
	}
	w.settle()
	before := w.objects()
	w.applyYAML(testkit.Canary(b.canary...), b.wrong)
	if b.provoke != nil {
		w.until(v1beta1.PhaseInitialized)
		w.rest()
		w.forgetPast()
		b.provoke(w)
	}
	w.linger()
	b.checkTold(w)
	written := w.pipe.written()
	for range 2 {
		if _, err := w.reconcile(testkit.App); err != nil {
			t.Fatalf("reconcile again: %v", err)
		}
	}
	expect(t, "What the user knows already is not said again.", nil, w.said())
	expect(t, "Nothing is done twice.", written, w.pipe.written())
	if b.provoke == nil {
		b.checkUntouched(w, before)
	}
	if b.mend != "" {
		w.revise(asJSON(w, b.mend))
	}
	if b.mending != nil {
		b.mending(w)
	}
	w.untilSo("the canary is healed", func() bool {
		healed := w.summary()
		return healed.stalled == "" && (healed.phase == v1beta1.PhaseInitialized || healed.phase == v1beta1.PhaseSucceeded)
	})
	w.rest()
	expect(t, "Mending the mistake is all that it takes.", "", w.summary().stalled)
}

// checkTold wants one Warning and one condition, each of which names what is wrong.
func (b badInput) checkTold(w *world) {
	w.Helper()
	var warnings []string
	for _, line := range w.said() {
		if strings.HasPrefix(line, "Warning ") {
			warnings = append(warnings, line)
		}
	}
	if len(warnings) != 1 {
		w.Fatalf("%s\nwant one warning, got %q", b.reason, warnings)
	}
	c := w.canary()
	expect(w, b.reason, "True", strings.SplitN(conditionOf(c.Status, v1beta1.StalledCondition)+" ", " ", 2)[0])
	condition := w.plain(messageOf(c, v1beta1.StalledCondition))
	for _, part := range b.says {
		if !strings.Contains(warnings[0], part) || !strings.Contains(condition, part) {
			w.Errorf("%s\n%q must be in the event and in the condition:\n%s\n%s", b.reason, part, warnings[0], condition)
		}
	}
}

// checkUntouched compares what users own, byte by byte, with what it was before the canary.
func (b badInput) checkUntouched(w *world, before map[string]string) {
	w.Helper()
	after := w.objects()
	for name, was := range before {
		if is := after[name]; is != was && !strings.Contains(strings.Join(b.touches, ","), name) {
			w.Errorf("%s\n%s is not ours and was written to:\nwas %s\nis  %s", b.reason, name, was, is)
		}
	}
}

// objects are the objects of the namespace that may be somebody else's, in JSON, by kind and name.
func (w *world) objects() map[string]string {
	w.Helper()
	found := map[string]string{}
	for _, list := range []client.ObjectList{&appsv1.DeploymentList{}, &corev1.ServiceList{}, &gatewayv1.HTTPRouteList{}} {
		must(w, w.direct.List(w.ctx, list, client.InNamespace(w.namespace)), "list")
		for _, object := range objectsOf(list) {
			encoded, err := json.Marshal(object)
			must(w, err, "encode %s", object.GetName())
			found[strings.TrimPrefix(fmt.Sprintf("%T ", object), "*v1.")+object.GetName()] = string(encoded)
		}
	}
	return found
}

// applyYAML creates object with a patch in YAML merged in. What the typed object would leave out, such as a 0, stays.
func (w *world) applyYAML(object client.Object, patch string) {
	w.Helper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	must(w, err, "convert %s", object.GetName())
	raw := &unstructured.Unstructured{Object: content}
	raw.SetGroupVersionKind(v1beta1.GroupVersion.WithKind("Canary"))
	var changes map[string]any
	must(w, yaml.Unmarshal([]byte(patch), &changes), "read the patch")
	merge(raw.Object, changes)
	delete(raw.Object, "status")
	w.apply(raw)
}

// merge is a JSON merge patch, RFC 7386.
func merge(into, patch map[string]any) {
	for key, value := range patch {
		changes, isMap := value.(map[string]any)
		present, hasMap := into[key].(map[string]any)
		switch {
		case value == nil:
			delete(into, key)
		case isMap && hasMap:
			merge(present, changes)
		default:
			into[key] = value
		}
	}
}

func asJSON(t testing.TB, text string) string {
	t.Helper()
	encoded, err := yaml.YAMLToJSON([]byte(text))
	must(t, err, "convert %q", text)
	return string(encoded)
}

// measured makes the operator measure for real, against a Prometheus that is online and refuses one query.
func measured(w *world) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if query := r.FormValue("query"); strings.Contains(query, "(((") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprint(w, `{"status":"error","errorType":"bad_data","error":"parse error: unclosed left parenthesis"}`)
			return
		}
		_, _ = fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[0,"1"]}]}}`)
	}))
	w.Cleanup(server.Close)
	w.metrics = server.URL
	w.options.Checks = NewMeasurer(MeasurerOptions{
		Templates:     w.options.Client,
		Secrets:       w.options.Client,
		Providers:     map[string]metrics.Factory{"prometheus": prometheus.New},
		MetricsServer: server.URL,
		MeshProvider:  w.options.MeshProvider,
		Record:        w.telemetry.Analysis,
	})
}

// template is a MetricTemplate for a Prometheus at address, whose credentials are in the Secret of that name, if any.
func template(address, secret string) *v1beta1.MetricTemplate {
	t := &v1beta1.MetricTemplate{
		ObjectMeta: metav1.ObjectMeta{Name: "latency"},
		Spec: v1beta1.MetricTemplateSpec{
			Provider: v1beta1.MetricTemplateProvider{Type: "prometheus", Address: address},
			Query:    "vector(1)",
		},
	}
	if secret != "" {
		t.Spec.Provider.SecretRef = &corev1.LocalObjectReference{Name: secret}
	}
	return t
}
