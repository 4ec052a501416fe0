package workload

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"flagger.app/flagger/api/v1beta1"
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
			canary, target, existing := &v1beta1.Canary{}, &appsv1.Deployment{}, &appsv1.Deployment{}
			given := flags{SelectorLabels: slices.Clone(defaultLabels)}
			load(t, filepath.Join(folder, "canary.yaml"), canary)
			load(t, filepath.Join(folder, "target.yaml"), target)
			load(t, filepath.Join(folder, "flags.yaml"), &given)
			promoted := load(t, filepath.Join(folder, "existing.yaml"), existing)

			plans := planned(t, canary, target, given)
			before, held := target.DeepCopy(), existing.DeepCopy()
			got := plans.create()
			if promoted {
				got = plans.update(existing)
			}
			if diff := cmp.Diff([]any{before, held}, []any{target, existing}); diff != "" {
				t.Errorf("rendering changed its input (-before +after):\n%s", diff)
			}
			unmarked := got.DeepCopy()
			delete(unmarked.Annotations, revisionAnnotation)
			if revision, err := plans.copied(unmarked); err != nil || revision != plans.revision {
				t.Errorf("without our mark it is taken for a copy of %q (%v), not of %q", revision, err, plans.revision)
			}
			golden(t, filepath.Join(folder, "primary.yaml"), got)
		})
	}
}

func planned(t *testing.T, c *v1beta1.Canary, target *appsv1.Deployment, given flags) blueprint {
	t.Helper()
	options := Options{SelectorLabels: given.SelectorLabels, IncludeLabelPrefix: given.IncludeLabelPrefix}
	plans, err := NewDeployment(options).blueprint(c, target, revisionOf(t, target))
	if err != nil {
		t.Fatal(err)
	}
	return plans
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

func TestIDsFollowCanaryAndRevision(t *testing.T) {
	one := blueprint{canary: &v1beta1.Canary{}, revision: "h1:1"}
	one.canary.UID = "a"
	again, other, another := one, one, one
	other.revision = "h1:2"
	another.canary = &v1beta1.Canary{}
	another.canary.UID = "b"
	if one.id() != again.id() {
		t.Error("a second attempt has another id, and would roll the pods again")
	}
	if one.id() == other.id() || one.id() == another.id() {
		t.Error("another revision or canary has the same id, and would not roll the pods")
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
			got, err := labelOf(target, defaultLabels)
			if err != nil || got != tc.want {
				t.Errorf("label %+v (%v), want %+v; %s", got, err, tc.want, tc.reason)
			}
		})
	}
}
