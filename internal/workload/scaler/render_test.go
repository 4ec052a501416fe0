package scaler

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"flagger.app/flagger/api/v1beta1"
)

// A case is a folder with the canary, the target's autoscaler, optionally the primary's as it is (live.yaml), and the
// primary's as it must become (primary.yaml). Rendering is silent on top of its own outcome and changes no argument.
func TestRender(t *testing.T) {
	folders, err := filepath.Glob("testdata/*")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no cases in testdata: %v", err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			c := &v1beta1.Canary{}
			if err := yaml.UnmarshalStrict(load(t, folder, "canary.yaml"), c); err != nil {
				t.Fatal(err)
			}
			target := parse(t, string(load(t, folder, "target.yaml")))
			var live *unstructured.Unstructured
			if content := load(t, folder, "live.yaml"); content != nil {
				live = parse(t, string(content))
			}
			arguments := []*unstructured.Unstructured{target, live}
			before := []*unstructured.Unstructured{target.DeepCopy(), live.DeepCopy()}
			primary := render(t, c, target, live)
			if diff := cmp.Diff(before, arguments); diff != "" {
				t.Errorf("rendering changed its arguments (-before +after):\n%s", diff)
			}
			if diff := cmp.Diff(primary.Object, render(t, c, target, primary).Object); diff != "" {
				t.Errorf("the second rendering differs (-first +second):\n%s", diff)
			}
			golden(t, folder, primary)
		})
	}
}

func render(t *testing.T, c *v1beta1.Canary, target, live *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	k, found := kindOf(c)
	if !found {
		t.Fatalf("no such kind: %s", c.Spec.AutoscalerRef.Kind)
	}
	primary, err := k.render(c, target, live)
	if err != nil {
		t.Fatal(err)
	}
	return primary
}

// golden compares object with the file of its case, or rewrites it.
func golden(t *testing.T, folder string, object *unstructured.Unstructured) {
	t.Helper()
	file := filepath.Join(folder, "primary.yaml")
	content, err := yaml.Marshal(object.Object)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(load(t, folder, "primary.yaml")), string(content)); diff != "" {
		t.Errorf("%s (-golden +rendered):\n%s", file, diff)
	}
}

// load reads a file of a case, nil for none.
func load(t *testing.T, folder, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return content
}

// A source that no API server would store is an error and not a crash.
func TestRenderRefusesWhatItCannotCopy(t *testing.T) {
	const head = "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: podinfo}\n"
	c := &v1beta1.Canary{Spec: v1beta1.CanarySpec{
		TargetRef: v1beta1.LocalObjectReference{Kind: "Deployment", Name: "podinfo"},
		AutoscalerRef: &v1beta1.AutoscalerReference{
			Kind: "ScaledObject", Name: "podinfo", PrimaryScalerReplicas: &v1beta1.ScalerReplicas{MinReplicas: new(int32(2))},
		},
	}}
	for name, spec := range map[string]string{
		"NoSpec":             "",
		"SpecIsText":         "spec: text",
		"TargetIsText":       "spec: {scaleTargetRef: text}",
		"AdvancedIsText":     "spec: {advanced: text}",
		"HPAConfigIsText":    "spec: {advanced: {horizontalPodAutoscalerConfig: text}}",
		"TriggersAreText":    "spec: {triggers: text}",
		"TargetIsListOfText": "spec: {scaleTargetRef: [text]}",
	} {
		t.Run(name, func(t *testing.T) {
			if primary, err := scaledObject.render(c, parse(t, head+spec), nil); err == nil {
				t.Errorf("got %v, want an error", primary.Object)
			}
		})
	}
}
