package workload

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/workload/configs"
)

// words are what the strings of a random template are drawn from.
var words = []string{"podinfo", "app", "name", "tracked-env", "tracked-files", "shared", "", "podinfo-canary"}

// fill sets a value and everything in it at random. Nothing is deeper than the API's own types, which do not recur in
// pod templates.
func fill(rnd *rand.Rand, v reflect.Value) {
	switch into := v.Addr().Interface().(type) {
	case *resource.Quantity:
		*into = *resource.NewQuantity(rnd.Int64N(1000), resource.BinarySI)
		return
	case *metav1.Time:
		*into = metav1.Unix(rnd.Int64N(1<<31), 0)
		return
	case *intstr.IntOrString:
		*into = intstr.FromInt32(rnd.Int32N(1000))
		return
	case *metav1.FieldsV1:
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if rnd.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(rnd, v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(rnd, v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rnd.IntN(3), 2))
		for i := range v.Len() {
			fill(rnd, v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range rnd.IntN(3) {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(rnd, key)
			fill(rnd, value)
			v.SetMapIndex(key, value)
		}
	case reflect.String:
		v.SetString(words[rnd.IntN(len(words))])
	case reflect.Int32, reflect.Int64:
		v.SetInt(rnd.Int64N(1000))
	case reflect.Uint8:
		v.SetUint(rnd.Uint64N(256))
	case reflect.Bool:
		v.SetBool(rnd.IntN(2) == 0)
	default:
		panic("a template has a field of kind " + v.Kind().String())
	}
}

// TestRenderedTemplatesAreTheSourcesButForNames renders the primary's template from templates in which every field of
// our types may be set, and undoes the renames without looking at the table of places.
func TestRenderedTemplatesAreTheSourcesButForNames(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 11))
	for i := range 300 {
		source := &corev1.PodTemplateSpec{}
		fill(rnd, reflect.ValueOf(source).Elem())
		tree := treeOf(t, source)
		plans := planned(t, &v1beta1.Canary{}, targetWith(tree), flags{SelectorLabels: defaultLabels})
		made := plans.create()
		rendered := decoded(t, plans.kind, made).template

		if diff := cmp.Diff(copiesOf(configs.References(source)), configs.References(rendered)); diff != "" {
			t.Fatalf("template %d: configs that the primary refers to (-want +got):\n%s", i, diff)
		}
		if keptApart(rendered, "podinfo") {
			t.Fatalf("template %d: the primary's pods keep apart from the target's:\n%s", i, encode(t, rendered.Spec))
		}
		want, got := asJSON(t, tree["spec"]), asJSON(t, child(child(made.Object, "spec"), "template")["spec"])
		if !isCopy(want, got, "spec") {
			t.Fatalf("template %d: what is rendered is not taken for a copy:\n%s", i, cmp.Diff(want, got))
		}
		if diff := cmp.Diff(want, withoutSuffix(got)); diff != "" {
			t.Fatalf("template %d: more than names is changed (-want +got):\n%s", i, diff)
		}
	}
}

func treeOf(t *testing.T, template *corev1.PodTemplateSpec) map[string]any {
	t.Helper()
	tree, err := runtime.DefaultUnstructuredConverter.ToUnstructured(template)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// targetWith is the Deployment podinfo with a template.
func targetWith(template map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": "podinfo", "namespace": "test"},
		"spec": map[string]any{
			"selector": map[string]any{"matchLabels": map[string]any{"app": "podinfo"}},
			"template": template,
		},
	}}
}

// copiesOf are the references as they are at the primary, where those that begin with "tracked" have copies.
func copiesOf(references []configs.Reference) []configs.Reference {
	for i, r := range references {
		if strings.HasPrefix(r.Name, "tracked") {
			references[i].Name += suffix
		}
	}
	return references
}

// keptApart says whether a rule by which the pods of a template keep apart chooses by the target's label.
func keptApart(template *corev1.PodTemplateSpec, value string) bool {
	var selectors []*metav1.LabelSelector
	for _, spread := range template.Spec.TopologySpreadConstraints {
		selectors = append(selectors, spread.LabelSelector)
	}
	if affinity := template.Spec.Affinity; affinity != nil && affinity.PodAntiAffinity != nil {
		for _, term := range affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution {
			selectors = append(selectors, term.LabelSelector)
		}
		for _, term := range affinity.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution {
			selectors = append(selectors, term.PodAffinityTerm.LabelSelector)
		}
	}
	return slices.ContainsFunc(selectors, func(s *metav1.LabelSelector) bool {
		return s != nil && (s.MatchLabels["app"] == value ||
			slices.ContainsFunc(s.MatchExpressions, func(r metav1.LabelSelectorRequirement) bool {
				return r.Key == "app" && slices.Contains(r.Values, value)
			}))
	})
}

// withoutSuffix takes "-primary" off every text in a tree; none has it in a source.
func withoutSuffix(tree any) any {
	switch value := tree.(type) {
	case map[string]any:
		for key, member := range value {
			value[key] = withoutSuffix(member)
		}
	case []any:
		for i, element := range value {
			value[i] = withoutSuffix(element)
		}
	case string:
		return strings.TrimSuffix(value, suffix)
	}
	return tree
}

// asJSON is a copy of a tree as JSON spells it.
func asJSON(t *testing.T, tree any) any {
	t.Helper()
	var found any
	if err := json.Unmarshal([]byte(encode(t, tree)), &found); err != nil {
		t.Fatal(err)
	}
	return found
}

func encode(t *testing.T, value any) string {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

// TestThePrimarysPodsAreTheTargets compares what the API server holds, its defaults included, and not what our types know.
func TestThePrimarysPodsAreTheTargets(t *testing.T) {
	k := newCluster(t)
	target := &unstructured.Unstructured{}
	load(t, "testdata/primary/unknown-fields/target.yaml", target)
	target.SetNamespace(k.namespace)
	k.create(t, target)
	k.syncs(t, revisionOf(t, k.readDeployment(t, "podinfo")))
	made := &unstructured.Unstructured{}
	made.SetGroupVersionKind(target.GroupVersionKind())
	k.get(t, "podinfo-primary", made)

	pods := func(o *unstructured.Unstructured) map[string]any {
		return child(child(child(o.Object, "spec"), "template"), "spec")
	}
	if diff := cmp.Diff(pods(target), withoutSuffix(pods(made))); diff != "" {
		t.Errorf("pod spec (-target +primary):\n%s", diff)
	}
}
