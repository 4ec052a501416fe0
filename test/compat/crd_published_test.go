package compat

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/internal/testkit"
)

const (
	// wholeNumber is the rule of every number that code needs whole. The published schema let fractions pass, and
	// the first one stored broke the decoding of every list it was in.
	wholeNumber = "self < 1e15 && self == double(int(self))"

	canaries       = "canaries.flagger.app"
	alertProviders = "alertproviders.flagger.app"
)

// stricter lists where our CRDs refuse more than the published ones, or say the same in other words, by
// "CRD path keyword": the one place where a manifest that was once accepted can be refused.
var stricter = map[string]string{
	canaries + " spec.analysis required":                                      "interval and threshold stood in every branch of the published oneOf.",
	canaries + " spec.analysis oneOf":                                         "A rule says the rest of the published oneOf in words that name the fields.",
	canaries + " spec.analysis rule":                                          "Exactly one of iterations, stepWeight and stepWeights, as in the published oneOf.",
	canaries + " spec.analysis.interval rule":                                 "An interval that does not parse was taken for 60s without a word.",
	canaries + " spec.analysis.stepWeights maxItems":                          "Ascending whole numbers from 0 to 100 are no more than 101; the bound keeps the rules cheap.",
	canaries + " spec.analysis.stepWeights rule":                              "A list that does not ascend stood still for ever, and no weight is above 100.",
	canaries + " spec.analysis.sessionAffinity rule":                          "Equal cookie names were refused by the controller, in its log alone.",
	canaries + " spec.analysis.webhooks[].timeout pattern":                    "A hook with a time-out that does not parse failed at every call.",
	canaries + " spec.service.targetPort rule":                                "A port beyond 65535 is none, and one beyond 32 bits broke the decoding of whole lists.",
	canaries + " spec.autoscalerRef.primaryScalerReplicas.minReplicas format": "Autoscalers count replicas in 32 bits.",
	canaries + " spec.autoscalerRef.primaryScalerReplicas.maxReplicas format": "Autoscalers count replicas in 32 bits.",
	alertProviders + " spec required":                                         "type stood in both branches of the published oneOf.",
	alertProviders + " spec oneOf":                                            "A rule says the rest of the published oneOf in words that name the fields.",
	alertProviders + " spec rule":                                             "Exactly one of address and secretRef, as in the published oneOf.",
}

// additions are the paths that the published CRDs do not have. Each is optional.
var additions = map[string][]string{
	canaries: {
		"spec.analysis.onProviderError",
		"spec.service.trafficPolicy.connectionPool.tcp",
		"status.checks",
		"status.conditions[].observedGeneration",
		"status.lastAnalysisTime",
		"status.lastPromotedConfigs",
		"status.lastPromotedReplicas",
		"status.lastRouteTime",
		"status.observedGeneration",
	},
	alertProviders:                {"status"},
	"metrictemplates.flagger.app": {"status"},
}

// publishedCRDs reads the CRDs that users' manifests were written for, from a folder beside the checkout.
func publishedCRDs(t *testing.T) map[string]crd {
	t.Helper()
	file := filepath.Join(testkit.Root(), "..", "shared", "crds", "flagger_1.44.0.yaml")
	if _, err := os.Stat(file); err != nil {
		t.Skipf("nothing compared: the published CRDs are not here: %v", err)
	}
	return readCRDs(t, file)
}

// A manifest that the published CRDs accept is accepted by ours, except for the rows of stricter.
func TestCRDAcceptsWhatThePublishedOneAccepts(t *testing.T) {
	published, ours := publishedCRDs(t), ourCRDs(t)
	if diff := cmp.Diff(sortedKeys(published), sortedKeys(ours)); diff != "" {
		t.Fatalf("other CRDs (-published +ours):\n%s", diff)
	}
	used := map[string]bool{}
	for name := range published {
		for _, d := range differences(name, flatten(published[name]), flatten(ours[name])) {
			key, _, _ := strings.Cut(d, ": ")
			if _, ok := stricter[key]; !ok {
				t.Error(d)
			}
			used[key] = true
		}
	}
	for key := range stricter {
		if !used[key] {
			t.Errorf("%s: listed as stricter, but is not", key)
		}
	}
}

// Nothing is added but what is listed, so that a new path is a decision.
func TestCRDAdditions(t *testing.T) {
	published, ours := publishedCRDs(t), ourCRDs(t)
	for name, c := range published {
		before := flatten(c)
		var added []string
		for _, path := range sortedKeys(flatten(ours[name])) {
			if _, ok := before[path]; ok || slices.ContainsFunc(added, func(a string) bool { return below(path, a) }) {
				continue
			}
			added = append(added, path)
		}
		if diff := cmp.Diff(additions[name], added); diff != "" {
			t.Errorf("%s: other additions (-listed +found):\n%s", name, diff)
		}
	}
}

// kubectl get, helm and scripts see the same resource.
func TestCRDNamesAndColumns(t *testing.T) {
	published, ours := publishedCRDs(t), ourCRDs(t)
	for name, c := range published {
		head := func(c crd) string { text, _, _ := strings.Cut(describe(c), "\n\nspec"); return text }
		if diff := cmp.Diff(head(c), head(ours[name])); diff != "" {
			t.Errorf("%s (-published +ours):\n%s", name, diff)
		}
	}
}

// differences lists what ours refuses and published does not, as "CRD path keyword: what".
func differences(name string, published, ours map[string]schema) []string {
	var found []string
	add := func(path, keyword, format string, args ...any) {
		found = append(found, fmt.Sprintf("%s %s %s: %s", name, path, keyword, fmt.Sprintf(format, args...)))
	}
	for _, path := range sortedKeys(published) {
		was := published[path]
		is, ok := ours[path]
		if !ok {
			add(path, "path", "is gone")
			continue
		}
		if typeOf(was) != typeOf(is) {
			add(path, "type", "was %s, is %s", typeOf(was), typeOf(is))
		}
		before, now := constraints(was), constraints(is)
		for _, keyword := range keywords(before, now) {
			if !equivalent(keyword, before[keyword], now[keyword]) {
				add(path, keyword, "was %q, is %q", before[keyword], now[keyword])
			}
		}
		if extra := newRules(was, is); len(extra) > 0 {
			add(path, "rule", "%s", strings.Join(extra, "; "))
		}
	}
	return found
}

// equivalent reports whether two values of a keyword accept the same. Formats that the API server does not know
// validate nothing, and int64 is the width of any integer there.
func equivalent(keyword, was, is string) bool {
	if keyword == "format" {
		return was == is || is == "" || (was == "" && is == "int64")
	}
	return was == is
}

// newRules are the rules in CEL that the published schema does not have, but for whole numbers.
func newRules(was, is schema) []string {
	known := map[string]bool{}
	for _, rule := range was.XValidations {
		known[rule.Rule] = true
	}
	var extra []string
	for _, rule := range is.XValidations {
		if rule.Rule != wholeNumber && !known[rule.Rule] {
			extra = append(extra, rule.Rule)
		}
	}
	return extra
}

func keywords(a, b map[string]string) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return sortedKeys(all)
}

// below reports whether path lies below parent.
func below(path, parent string) bool {
	rest, ok := strings.CutPrefix(path, parent)
	return ok && rest != "" && strings.Contains(".[{", rest[:1])
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
