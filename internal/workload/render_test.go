package workload

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/workload/configs"
)

// flags are the operator's options in a case, where they are not the defaults.
type flags struct {
	SelectorLabels     []string `json:"selectorLabels"`
	IncludeLabelPrefix []string `json:"includeLabelPrefix"`
}

// TestRenderedPrimaries makes the primary of every folder in testdata/primary: from canary.yaml and target.yaml and,
// where there is one already, existing.yaml, with the flags of flags.yaml.
func TestRenderedPrimaries(t *testing.T) {
	for name, folder := range cases(t, "primary") {
		t.Run(name, func(t *testing.T) {
			canary, target, existing := &v1beta1.Canary{}, &unstructured.Unstructured{}, &unstructured.Unstructured{}
			given := flags{SelectorLabels: slices.Clone(defaultLabels)}
			load(t, filepath.Join(folder, "canary.yaml"), canary)
			load(t, filepath.Join(folder, "target.yaml"), target)
			load(t, filepath.Join(folder, "flags.yaml"), &given)
			promoted := load(t, filepath.Join(folder, "existing.yaml"), existing)

			plans := planned(t, canary, target, given)
			before, held := target.DeepCopy(), existing.DeepCopy()
			got := plans.create()
			if promoted {
				got = patched(t, existing, plans.update(decoded(t, plans.kind, existing)))
			}
			if diff := cmp.Diff([]any{before, held}, []any{target, existing}); diff != "" {
				t.Errorf("rendering changed its input (-before +after):\n%s", diff)
			}
			flaggers := plans
			flaggers.kind.apart = nil // it renames fewer selectors
			for _, unmarked := range []*unstructured.Unstructured{got, flaggers.create()} {
				if agrees, err := plans.agrees(decoded(t, plans.kind, unmarked)); err != nil || !agrees {
					t.Errorf("without our mark it is not taken for a copy (%v): %v", err, unmarked)
				}
			}
			golden(t, filepath.Join(folder, "primary.yaml"), got)
		})
	}
}

// patched is a copy of a tree with the replacements made as the API server makes them. It keeps all that they do not name.
func patched(t *testing.T, tree *unstructured.Unstructured, changes []replacement) *unstructured.Unstructured {
	t.Helper()
	result := tree.DeepCopy()
	for _, change := range asJSON(t, changes).([]any) {
		change := change.(map[string]any)
		path := strings.Split(strings.TrimPrefix(change["path"].(string), "/"), "/")
		if change["op"] != "add" {
			t.Fatalf("operation %v", change["op"])
		}
		if change["value"] == nil {
			unstructured.RemoveNestedField(result.Object, path...)
		} else if err := unstructured.SetNestedField(result.Object, change["value"], path...); err != nil {
			t.Fatal(err)
		}
	}
	return result
}

// planned is the blueprint of a primary of target, of which every config has a copy whose name begins with "tracked".
func planned(t *testing.T, c *v1beta1.Canary, target *unstructured.Unstructured, given flags) blueprint {
	t.Helper()
	adapter := &PodTarget{
		options: Options{SelectorLabels: given.SelectorLabels, IncludeLabelPrefix: given.IncludeLabelPrefix},
		kind:    kinds[target.GetKind()],
	}
	source := decoded(t, adapter.kind.traits(), target)
	plans, err := adapter.blueprint(c, source)
	if err != nil {
		t.Fatal(err)
	}
	plans.spec = child(target.Object, "spec")
	plans.version.Revision = revision(t, source.template)
	plans.renames = func(_ configs.Kind, name string) bool { return strings.HasPrefix(name, "tracked") }
	return plans
}

func decoded(t *testing.T, of traits, tree *unstructured.Unstructured) view {
	t.Helper()
	found, err := typed(kinds[of.name], tree)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// golden compares an object with a file, or writes the file.
func golden(t *testing.T, file string, object any) {
	t.Helper()
	got, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestIDsFollowCanaryAndVersion(t *testing.T) {
	one := blueprint{canary: &v1beta1.Canary{}, version: rollout.Version{Revision: "h1:1"}}
	one.canary.UID = "a"
	again, other, another, edited := one, one, one, one
	other.version.Revision = "h1:2"
	edited.version.Configs = "h1:3"
	another.canary = &v1beta1.Canary{}
	another.canary.UID = "b"
	if one.id() != again.id() {
		t.Error("a second attempt has another id, and would roll the pods again")
	}
	if one.id() == other.id() || one.id() == another.id() || one.id() == edited.id() {
		t.Error("another revision, canary or content of configs has the same id, and would not roll the pods")
	}
}

func TestTheLabelIsTheFirstOfTheOperatorsKeys(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		labels map[string]string
		want   label
	}{
		"Preferred": {
			reason: "The order of -selector-labels decides, not that of the selector.",
			labels: map[string]string{"app.kubernetes.io/name": "x", "name": "y"},
			want:   label{key: "name", value: "y"},
		},
		"Only": {
			reason: "Other keys of the selector do not count.",
			labels: map[string]string{"tier": "x", "app": "z"},
			want:   label{key: "app", value: "z"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			target := cluster{}.target()
			target.Spec.Selector.MatchLabels = tc.labels
			got, err := labelOf(deployments{}.view(target), defaultLabels)
			if err != nil || got != tc.want {
				t.Errorf("label %+v (%v), want %+v; %s", got, err, tc.want, tc.reason)
			}
		})
	}
}
