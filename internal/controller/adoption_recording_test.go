package controller

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	kubejson "k8s.io/apimachinery/pkg/util/json"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

// The rounds of a recording.
const (
	roundFirst = "initialised"
	roundGood  = "good release"
	roundBad   = "bad release"
)

// restFailed is the state at rest whose target is not what is promoted.
const restFailed = "Failed"

// Keys of a moment's objects.
const (
	targetKey  = "deployments/" + testkit.App
	primaryKey = "deployments/" + testkit.App + "-primary"
	apexKey    = "services/" + testkit.App
	routeKey   = "httproutes/" + testkit.App
	ingressKey = "ingresses/" + testkit.App + "-canary"
)

const ingressWeight = "nginx.ingress.kubernetes.io/canary-weight"

// tree is an object as JSON has it.
type tree map[string]any

// UnmarshalJSON implements json.Unmarshaler; whole numbers are int64, as in objects read from the API server.
func (o *tree) UnmarshalJSON(data []byte) error {
	return kubejson.Unmarshal(data, (*map[string]any)(o))
}

// at returns what is found at path, nil for nothing.
func (o tree) at(path ...string) any {
	value, _, err := unstructured.NestedFieldNoCopy(o, path...)
	if err != nil {
		return nil
	}
	return value
}

// with is a copy of o that has value at path.
func (o tree) with(t testing.TB, value any, path ...string) tree {
	t.Helper()
	changed := runtime.DeepCopyJSON(o)
	must(t, unstructured.SetNestedField(changed, value, path...), "set %v", path)
	return changed
}

// moment is a canary's namespace at one time.
type moment struct {
	Round  string               `json:"round"`
	Status v1beta1.CanaryStatus `json:"status"`
	// Objects are by resource and name, as "deployments/web".
	Objects map[string]tree `json:"objects"`
}

// recording is a namespace in which Flagger 1.44.0 ran a good and a bad release.
type recording struct {
	// Applied are the user's objects, as applied.
	Applied []tree `json:"applied"`
	// States hold one moment for each status of the canary, in their order.
	States []moment `json:"states"`
}

// readRecording reads a recording from beside the checkout, or skips the test. The canary and all its objects get the name
// that the stories of this package have, and the namespace of this one.
func readRecording(t *testing.T, name, namespace string) recording {
	t.Helper()
	file := filepath.Join(testkit.Root(), "..", "shared", "fixtures", "adoption", name+".json")
	content, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		t.Skipf("not checked against a cluster run by Flagger: the recording %s is not there", file)
	}
	must(t, err, "read the recording")
	renamed := strings.NewReplacer("podinfo", testkit.App, `"d-`+name+`"`, strconv.Quote(namespace)).Replace(string(content))
	r := recording{}
	must(t, json.Unmarshal([]byte(renamed), &r), "decode %s", file)
	return r
}

// canary is the canary as it was applied.
func (r recording) canary(t testing.TB) *v1beta1.Canary {
	t.Helper()
	for _, applied := range r.Applied {
		if applied["kind"] == v1beta1.CanaryKind {
			c := &v1beta1.Canary{}
			must(t, runtime.DefaultUnstructuredConverter.FromUnstructured(applied, c), "decode the canary")
			return c
		}
	}
	t.Fatal("the recording has no canary")
	return nil
}

// in returns the first state of a phase.
func (r recording) in(t testing.TB, phase v1beta1.CanaryPhase) moment {
	t.Helper()
	for _, state := range r.States {
		if state.Status.Phase == phase {
			return state
		}
	}
	t.Fatalf("the recording has no state %s", phase)
	return moment{}
}

// rest is what became of the i-th state, which is one of the run: the moments from there to the end of its round.
func (r recording) rest(t testing.TB, i int) []moment {
	t.Helper()
	begun := r.States[i]
	moments := []moment{begun}
	for _, later := range r.States[i+1:] {
		if later.Round == begun.Round && !isRest(later.Status.Phase) {
			moments = append(moments, later)
		}
	}
	return append(moments, r.end(t, begun))
}

// end is how the round of a state ended. A revision that was pushed since is taken out of it.
func (r recording) end(t testing.TB, begun moment) moment {
	t.Helper()
	var end moment
	switch begun.Round {
	case roundFirst:
		end = r.in(t, v1beta1.PhaseInitialized)
	case roundGood:
		end = r.in(t, v1beta1.PhaseSucceeded)
	default:
		end = r.failed(t)
	}
	return end.carrying(t, begun.Objects[targetKey].at("spec", "template"))
}

// failed is the end of the bad release, which was not recorded, as the contract has it: traffic on the primary, no pods
// of the target, and counters of zero.
func (r recording) failed(t testing.TB) moment {
	t.Helper()
	return r.States[len(r.States)-1].
		entering(v1beta1.PhaseFailed, corev1.ConditionFalse, "Canary analysis failed, Deployment scaled to zero.").
		counting(0, 0, 0).weighing(t, 0).scaled(t, 0)
}

// isRest tells whether nothing is under way in a phase.
func isRest(phase v1beta1.CanaryPhase) bool {
	return slices.Contains([]v1beta1.CanaryPhase{v1beta1.PhaseInitialized, v1beta1.PhaseSucceeded, v1beta1.PhaseFailed}, phase)
}

// atRest are the states in which nothing is to be done, by name. A revision that the recording's user had pushed already
// is taken out of them, but for the one that has failed.
func (r recording) atRest(t testing.TB) map[string]moment {
	t.Helper()
	found := map[string]moment{restFailed: r.failed(t)}
	for name, state := range map[string]moment{
		"Initialized": r.in(t, v1beta1.PhaseInitialized),
		"Succeeded":   r.in(t, v1beta1.PhaseSucceeded),
		"Reverted":    r.failed(t),
	} {
		found[name] = state.pushed(t, state.image(primaryKey))
	}
	return found
}

// good are the moments of the good release, from the first of its run to its end.
func (r recording) good(t testing.TB) []moment {
	t.Helper()
	var moments []moment
	for _, state := range r.States {
		if state.Round == roundGood && !isRest(state.Status.Phase) {
			moments = append(moments, state)
		}
	}
	return append(moments, r.end(t, moments[0]))
}

// deepest is the index of the state of the good release in which its analysis is complete.
func (r recording) deepest() int {
	return slices.IndexFunc(r.States, func(m moment) bool { return m.Status.CanaryWeight == 50 || m.Status.Iterations == 2 })
}

// release is the course of a release that begins in the given state and is as good as the good one.
func (r recording) release(t testing.TB, state moment) course {
	t.Helper()
	c := courseOf(append([]moment{state}, r.good(t)...))
	c.Images, c.Rolls = noted([]string{state.image(primaryKey)}, state.image(targetKey)), 2
	return c
}

// String is the state in short.
func (m moment) String() string {
	return fmt.Sprintf("%s %d/%d/%d", m.Status.Phase, m.Status.CanaryWeight, m.Status.Iterations, m.Status.FailedChecks)
}

// entering is m in another phase.
func (m moment) entering(phase v1beta1.CanaryPhase, promoted corev1.ConditionStatus, message string) moment {
	m.Status = *m.Status.DeepCopy()
	m.Status.Phase = phase
	condition := &m.Status.Conditions[0]
	condition.Status, condition.Reason, condition.Message = promoted, string(phase), message
	return m
}

// counting is m with other counters.
func (m moment) counting(weight, iterations, failed int) moment {
	m.Status.CanaryWeight, m.Status.Iterations, m.Status.FailedChecks = weight, iterations, failed
	return m
}

// replacing is m with another object under the key.
func (m moment) replacing(key string, object tree) moment {
	m.Objects = maps.Clone(m.Objects)
	m.Objects[key] = object
	return m
}

// carrying is m with another template on the target.
func (m moment) carrying(t testing.TB, template any) moment {
	t.Helper()
	return m.replacing(targetKey, m.Objects[targetKey].with(t, runtime.DeepCopyJSONValue(template), "spec", "template"))
}

// pushed is m with that image on the target.
func (m moment) pushed(t testing.TB, image string) moment {
	t.Helper()
	containers := runtime.DeepCopyJSONValue(m.Objects[targetKey].at("spec", "template", "spec", "containers")).([]any)
	containers[0].(map[string]any)["image"] = image
	return m.replacing(targetKey, m.Objects[targetKey].with(t, containers, "spec", "template", "spec", "containers"))
}

// scaled is m with that many pods of the target, all ready.
func (m moment) scaled(t testing.TB, replicas int64) moment {
	t.Helper()
	target := m.Objects[targetKey].with(t, replicas, "spec", "replicas")
	target["ready"] = replicas
	return m.replacing(targetKey, target)
}

// weighing is m with that percentage of the users on the canary, where the provider has an object to say so.
func (m moment) weighing(t testing.TB, weight int64) moment {
	t.Helper()
	if ingress, found := m.Objects[ingressKey]; found {
		return m.replacing(ingressKey, ingress.with(t, strconv.FormatInt(weight, 10), "metadata", "annotations", ingressWeight))
	}
	route, found := m.Objects[routeKey]
	if !found {
		return m
	}
	rules := runtime.DeepCopyJSONValue(route.at("spec", "rules")).([]any)
	backends := rules[0].(map[string]any)["backendRefs"].([]any)
	backends[0].(map[string]any)["weight"], backends[1].(map[string]any)["weight"] = 100-weight, weight
	return m.replacing(routeKey, route.with(t, rules, "spec", "rules"))
}

// weight is the percentage of users on the canary; false where there is no routing object.
func (m moment) weight() (int64, bool) {
	if ingress, found := m.Objects[ingressKey]; found {
		weight, err := strconv.ParseInt(fmt.Sprint(ingress.at("metadata", "annotations", ingressWeight)), 10, 64)
		return weight, err == nil
	}
	rules, _ := m.Objects[routeKey].at("spec", "rules").([]any)
	if len(rules) == 0 {
		return 0, false
	}
	backends, _ := tree(rules[0].(map[string]any)).at("backendRefs").([]any)
	if len(backends) != 2 {
		return 0, false
	}
	weight, found := tree(backends[1].(map[string]any)).at("weight").(int64)
	return weight, found
}

// image is what a Deployment runs, empty where there is none.
func (m moment) image(key string) string {
	containers, _ := m.Objects[key].at("spec", "template", "spec", "containers").([]any)
	if len(containers) == 0 {
		return ""
	}
	return containers[0].(map[string]any)["image"].(string)
}

// replicas are what a Deployment asks for.
func (m moment) replicas(key string) int64 {
	replicas, _ := m.Objects[key].at("spec", "replicas").(int64)
	return replicas
}

// course is what happened from moment to moment, each list without repetitions.
type course struct {
	// Phases and Counters are the status's; the latter as weight/iterations/failedChecks.
	Phases, Counters []string
	// Weights are the users on the canary in percent, Images the primary's, Target the target's replicas.
	Weights, Images, Target []string
	// Rolls count the templates that the primary had.
	Rolls int

	ids []string
}

// add goes on to a moment.
func (c *course) add(m moment) {
	c.Phases = noted(c.Phases, string(m.Status.Phase))
	c.Counters = noted(c.Counters, fmt.Sprintf("%d/%d/%d", m.Status.CanaryWeight, m.Status.Iterations, m.Status.FailedChecks))
	if weight, found := m.weight(); found {
		c.Weights = noted(c.Weights, fmt.Sprint(weight))
	}
	c.Target = noted(c.Target, fmt.Sprint(m.replicas(targetKey)))
	if image := m.image(primaryKey); image != "" {
		c.Images = noted(c.Images, image)
	}
	if id, found := m.Objects[primaryKey].at("spec", "template", "metadata", "annotations", "flagger-id").(string); found {
		c.ids = noted(c.ids, id)
		c.Rolls = len(c.ids)
	}
}

// courseOf is the course of moments that followed each other.
func courseOf(moments []moment) course {
	c := course{}
	for _, m := range moments {
		c.add(m)
	}
	return c
}

// keys of a moment's objects, sorted.
func (m moment) keys() []string { return slices.Sorted(maps.Keys(m.Objects)) }
