package scaler

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// Whatever KEDA's own CRD lets a user write, the primary's spec is the target's but for the documented renames, and the
// second Sync writes nothing.
func TestAnyScaledObject(t *testing.T) {
	k := newCluster(t)
	c := k.canary(kindScaledObject)
	for seed := range uint64(40) {
		drawn := generator{rand.New(rand.NewPCG(seed, 0))}
		name := fmt.Sprintf("drawn-%d", seed)
		object := &unstructured.Unstructured{Object: map[string]any{"spec": drawn.spec()}}
		object.SetGroupVersionKind(scaledObject.gvk)
		object.SetName(name)
		object = k.store(object)
		c.Spec.AutoscalerRef.Name = name
		k.writing(k.scaler.Sync, c, "create "+name+"-primary")
		k.writing(k.scaler.Sync, c)
		k.unchanged(object, k.read(kindScaledObject, name))
		spec := k.read(kindScaledObject, name+"-primary").Object["spec"].(map[string]any)
		target := object.Object["spec"].(map[string]any)
		if diff := cmp.Diff(target, undo(t, target, spec)); diff != "" {
			t.Errorf("seed %d: the primary's spec with the renames undone (-target +primary):\n%s", seed, diff)
		}
	}
}

// undo checks what is renamed in the primary's spec, and returns the spec as it was before.
func undo(t *testing.T, target, primary map[string]any) map[string]any {
	t.Helper()
	undone := runtime.DeepCopyJSON(primary)
	ref := undone["scaleTargetRef"].(map[string]any)
	if ref["name"] != "podinfo-primary" {
		t.Errorf("the primary's autoscaler scales %v", ref["name"])
	}
	ref["name"] = "podinfo"
	undoHPA(t, target, undone)
	for i, item := range target["triggers"].([]any) {
		before := item.(map[string]any)["metadata"].(map[string]any)
		after := undone["triggers"].([]any)[i].(map[string]any)["metadata"].(map[string]any)
		if query, asks := before["query"].(string); asks {
			if after["query"] != asksPrimary(query) {
				t.Errorf("query %q became %q", query, after["query"])
			}
			after["query"] = query
		}
	}
	return undone
}

// undoHPA undoes what is renamed in spec.advanced.
func undoHPA(t *testing.T, target, undone map[string]any) {
	t.Helper()
	const field = "horizontalPodAutoscalerConfig"
	config, found, err := unstructured.NestedFieldNoCopy(undone, "advanced", field)
	if !found || err != nil {
		t.Fatalf("advanced.%s is missing: %v", field, err)
	}
	before, had, _ := unstructured.NestedMap(target, "advanced", field)
	if name, named := before["name"].(string); named && name != "" {
		if got := config.(map[string]any)["name"]; got != name+"-primary" {
			t.Errorf("the name %q became %q", name, got)
		}
		config.(map[string]any)["name"] = name
	}
	if !had {
		unstructured.RemoveNestedField(undone, "advanced", field)
	}
	if _, had := target["advanced"]; !had {
		delete(undone, "advanced")
	}
}

// asksPrimary is a query of the generator with every word that means the target or the canary made the primary's.
func asksPrimary(query string) string {
	words := strings.Split(query, `"`)
	for i, word := range words {
		if word == "podinfo" || word == "podinfo-canary" {
			words[i] = "podinfo-primary"
		}
	}
	return strings.Join(words, `"`)
}

// generator draws specs that the CRD accepts.
type generator struct{ *rand.Rand }

// maybe adds a field to an object, or not.
func (g generator) maybe(object map[string]any, field string, value any) {
	if g.IntN(2) == 0 {
		object[field] = value
	}
}

func (g generator) spec() map[string]any {
	ref := map[string]any{"name": "podinfo"}
	g.maybe(ref, "kind", "Deployment")
	g.maybe(ref, "apiVersion", "apps/v1")
	g.maybe(ref, "envSourceContainerName", "podinfod")
	spec := map[string]any{"scaleTargetRef": ref, "triggers": g.triggers()}
	for _, field := range []string{"pollingInterval", "cooldownPeriod", "initialCooldownPeriod"} {
		g.maybe(spec, field, 1+g.Int64N(99))
	}
	g.maybe(spec, "idleReplicaCount", int64(0))
	g.maybe(spec, "minReplicaCount", 1+g.Int64N(3))
	g.maybe(spec, "maxReplicaCount", 5+g.Int64N(5))
	g.maybe(spec, "advanced", g.advanced())
	g.maybe(spec, "fallback", g.fallback())
	return spec
}

func (g generator) triggers() []any {
	triggers := make([]any, 1+g.IntN(3))
	for i := range triggers {
		metadata := map[string]any{}
		g.maybe(metadata, "query", g.query())
		g.maybe(metadata, "serverAddress", "http://podinfo.monitoring:9090")
		trigger := map[string]any{"type": []string{"prometheus", "cron", "cpu"}[g.IntN(3)], "metadata": metadata}
		g.maybe(trigger, "name", fmt.Sprintf("podinfo-%d", i))
		g.maybe(trigger, "metricType", "AverageValue")
		g.maybe(trigger, "useCachedMetrics", g.IntN(2) == 0)
		g.maybe(trigger, "authenticationRef", map[string]any{"name": "podinfo"})
		triggers[i] = trigger
	}
	return triggers
}

// query has the words that may be renamed in quotation marks.
func (g generator) query() string {
	var query strings.Builder
	for range g.IntN(4) {
		word := []string{"podinfo", "podinfo-canary", "podinfo-primary", "web", ""}[g.IntN(5)]
		fmt.Fprintf(&query, `+up{app="%s"}`, word)
	}
	return query.String()
}

func (g generator) advanced() map[string]any {
	config := map[string]any{}
	g.maybe(config, "name", []string{"podinfo", "hpa", ""}[g.IntN(3)])
	g.maybe(config, "behavior", map[string]any{"scaleUp": map[string]any{"stabilizationWindowSeconds": g.Int64N(100)}})
	advanced := map[string]any{}
	g.maybe(advanced, "horizontalPodAutoscalerConfig", config)
	g.maybe(advanced, "restoreToOriginalReplicaCount", true)
	g.maybe(advanced, "scalingModifiers", map[string]any{"formula": "podinfo-0 + 1", "target": "2"})
	return advanced
}

func (g generator) fallback() map[string]any {
	fallback := map[string]any{"failureThreshold": 1 + g.Int64N(9), "replicas": 1 + g.Int64N(9)}
	g.maybe(fallback, "behavior", "currentReplicas")
	return fallback
}
