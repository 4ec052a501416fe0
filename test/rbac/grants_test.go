//go:build linux

package rbac

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/testkit"
)

// grant is the leave to do one thing.
type grant struct{ group, resource, verb string }

func (g grant) String() string {
	return strings.TrimSuffix(g.resource+"."+g.group, ".") + " " + g.verb
}

// covers tells whether use needs no other grant than g.
func (g grant) covers(use grant) bool {
	return g.group == use.group && g.verb == use.verb && (g.resource == use.resource || g.resource == rbacv1.ResourceAll)
}

// granted is what the rules say.
func granted(rules []rbacv1.PolicyRule) []grant {
	var all []grant
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					all = append(all, grant{group, resource, verb})
				}
			}
		}
	}
	return all
}

// used is what requests needed leave for, each once. An apply that made its object needed it for that as well.
func used(requests []testkit.AuditEvent) []grant {
	seen := map[grant]bool{}
	for _, r := range requests {
		if r.Resource == "" {
			continue // discovery, which is everybody's
		}
		resource := r.Resource
		if r.Subresource != "" {
			resource += "/" + r.Subresource
		}
		seen[grant{r.Group, resource, r.Verb}] = true
		if r.Verb == "patch" && r.Code == http.StatusCreated {
			seen[grant{r.Group, resource, "create"}] = true
		}
	}
	var all []grant
	for g := range seen {
		all = append(all, g)
	}
	return all
}

// denied are the requests that were.
func denied(requests []testkit.AuditEvent) []testkit.AuditEvent {
	return slices.DeleteFunc(slices.Clone(requests), func(r testkit.AuditEvent) bool { return r.Code != http.StatusForbidden })
}

// inVain is what is granted and not used.
func inVain(granted, used []grant) []grant {
	return slices.DeleteFunc(slices.Clone(granted), func(g grant) bool { return slices.ContainsFunc(used, g.covers) })
}

// rulesOf are those of the release's roles, whatever their scope.
func rulesOf(t *testing.T, c client.Client, release string) []rbacv1.PolicyRule {
	t.Helper()
	ours := client.MatchingLabels{"app.kubernetes.io/instance": release}
	everywhere, somewhere := &rbacv1.ClusterRoleList{}, &rbacv1.RoleList{}
	must(t, c.List(t.Context(), everywhere, ours))
	must(t, c.List(t.Context(), somewhere, ours))
	var rules []rbacv1.PolicyRule
	for _, role := range everywhere.Items {
		rules = append(rules, role.Rules...)
	}
	for _, role := range somewhere.Items {
		rules = append(rules, role.Rules...)
	}
	return rules
}

func TestGrants(t *testing.T) {
	rules := []rbacv1.PolicyRule{
		{APIGroups: []string{"a", "b"}, Resources: []string{"x"}, Verbs: []string{"create", "patch"}},
		{APIGroups: []string{"c"}, Resources: []string{"*"}, Verbs: []string{"list"}},
		{APIGroups: []string{""}, Resources: []string{"x/status"}, Verbs: []string{"patch"}},
	}
	everything := []string{"x.a create", "x.a patch", "x.b create", "x.b patch", "*.c list", "x/status patch"}
	tests := map[string]struct {
		reason   string
		requests []testkit.AuditEvent
		want     []string
	}{
		"Nothing":   {"What nobody asked for is granted in vain.", nil, everything},
		"Discovery": {"What everybody may ask needs no grant.", []testkit.AuditEvent{{Verb: "get", URI: "/version"}}, everything},
		"Patch": {
			"Each group counts by itself.",
			[]testkit.AuditEvent{{Verb: "patch", Group: "a", Resource: "x", Code: 200}},
			[]string{"x.a create", "x.b create", "x.b patch", "*.c list", "x/status patch"},
		},
		"ApplyThatCreates": {
			"The API server asks for both verbs.",
			[]testkit.AuditEvent{{Verb: "patch", Group: "a", Resource: "x", Code: 201}},
			[]string{"x.b create", "x.b patch", "*.c list", "x/status patch"},
		},
		"Wildcard": {
			"One use of a wildcard is enough.",
			[]testkit.AuditEvent{{Verb: "list", Group: "c", Resource: "queue-length", Code: 404}},
			[]string{"x.a create", "x.a patch", "x.b create", "x.b patch", "x/status patch"},
		},
		"Subresource": {
			"A part of an object is granted apart.",
			[]testkit.AuditEvent{{Verb: "patch", Resource: "x", Subresource: "status", Code: 200}},
			[]string{"x.a create", "x.a patch", "x.b create", "x.b patch", "*.c list"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, g := range inVain(granted(rules), used(test.requests)) {
				got = append(got, g.String())
			}
			if !slices.Equal(test.want, got) {
				t.Errorf("%s got %q, want %q", test.reason, got, test.want)
			}
		})
	}
}
