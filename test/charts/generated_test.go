package charts

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/internal/testkit"
)

// The chart's copies are made by `make generate`.
func TestGeneratedFilesAreTheSame(t *testing.T) {
	config := filepath.Join(testkit.Root(), "config")
	copies := map[string]string{filepath.Join("files", "role.yaml"): filepath.Join(config, "rbac", "role.yaml")}
	for _, folder := range []string{filepath.Join(config, "crd", "bases"), filepath.Join(folder("flagger"), "crds")} {
		files, err := filepath.Glob(filepath.Join(folder, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			name := filepath.Base(file)
			copies[filepath.Join("crds", name)] = filepath.Join(config, "crd", "bases", name)
		}
	}
	for name, source := range copies {
		want, err := os.ReadFile(source)
		if err != nil {
			t.Errorf("%s has no source: %v", name, err)
			continue
		}
		got, err := os.ReadFile(filepath.Join(folder("flagger"), name))
		if err != nil || string(got) != string(want) {
			t.Errorf("%s is not %s (error %v)", name, source, err)
		}
	}
}

func TestRolesAreTheOperatorsAndNoMore(t *testing.T) {
	var whole struct{ Rules []any }
	read(t, filepath.Join(folder("flagger"), "files", "role.yaml"), &whole)
	tests := map[string]struct {
		reason string
		values []string
		kinds  []string
		leases bool
	}{
		"Cluster":         {"Without election no lease is written.", nil, []string{"ClusterRole"}, false},
		"Election":        {"Leases are written where the election is, not in the whole cluster.", []string{"leaderElection.enabled=true"}, []string{"ClusterRole", "Role"}, true},
		"Namespace":       {"One namespace needs nothing of the cluster.", []string{"namespace=apps"}, []string{"Role"}, false},
		"NamespaceLeader": {"Nor does election there.", []string{"namespace=apps", "leaderElection.enabled=true"}, []string{"Role", "Role"}, true},
		"NamespaceMetrics": {"Nor does Prometheus, which looks beside the operator too.", []string{"namespace=apps", "prometheus.install=true"},
			[]string{"Role", "Role", "Role"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var kinds []string
			var rules []any
			for _, role := range ofKind(render(t, operator("flagger-system", test.values...)), "ClusterRole", "Role") {
				kinds = append(kinds, role.GetKind())
				if !strings.HasSuffix(role.GetName(), "-prometheus") {
					rules = append(rules, role.Object["rules"].([]any)...)
				}
			}
			if diff := cmp.Diff(test.kinds, kinds); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
			want := slices.DeleteFunc(slices.Clone(whole.Rules), func(rule any) bool { return isOfLeases(rule) && !test.leases })
			slices.SortStableFunc(want, func(a, b any) int { return rank(a) - rank(b) })
			if diff := cmp.Diff(want, rules); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
		})
	}
}

func isOfLeases(rule any) bool {
	return slices.Contains(rule.(map[string]any)["apiGroups"].([]any), "coordination.k8s.io")
}

// rank puts leases last: their role comes after the operator's.
func rank(rule any) int {
	if isOfLeases(rule) {
		return 1
	}
	return 0
}
