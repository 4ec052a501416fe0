package router_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

func TestEachCondition(t *testing.T) {
	exact := istio.StringMatch{Exact: "1"}
	for name, test := range map[string]struct {
		reason string
		match  []istio.HTTPMatchRequest
		want   []string
		fails  string
	}{
		"Sorted": {
			reason: "The order is that of the test and, within an entry, of the names.",
			match: []istio.HTTPMatchRequest{
				{Headers: map[string]istio.StringMatch{"y": exact, "x": exact}, QueryParams: map[string]istio.StringMatch{"q": exact}},
				{Name: "second", Headers: map[string]istio.StringMatch{"a": exact}},
			},
			want: []string{"headers x", "headers y", "queryParams q", "headers a"},
		},
		"NoTest": {reason: "Without a test there is nothing to ask for."},
		"Everybody": {
			reason: "An entry without a condition would be an A/B test of everybody.", match: []istio.HTTPMatchRequest{{Name: "all"}},
			fails: "spec.analysis.match[0] has no headers and no queryParams, and would match every request",
		},
		"More": {
			reason: "What is left out widens the condition.",
			match: []istio.HTTPMatchRequest{
				{Headers: map[string]istio.StringMatch{"x": exact}},
				{Headers: map[string]istio.StringMatch{"x": exact}, SourceLabels: map[string]string{"app": "web"}},
			},
			want: []string{"headers x"}, fails: "spec.analysis.match[1]: Envoy can match headers and queryParams alone",
		},
		"Refused": {
			reason: "The provider knows the part but not the comparison.",
			match:  []istio.HTTPMatchRequest{{QueryParams: map[string]istio.StringMatch{"bad": exact}}},
			want:   []string{"queryParams bad"}, fails: "spec.analysis.match[0].queryParams.bad: too bad",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := routertest.Canary()
			c.Spec.Analysis.Match = test.match
			var asked []string
			err := router.EachCondition(c, "Envoy", func(part router.Part, name string, _ istio.StringMatch) error {
				asked = append(asked, string(part)+" "+name)
				if name == "bad" {
					return errors.New("too bad")
				}
				return nil
			})
			if diff := cmp.Diff(test.want, asked); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
			if (err == nil) != (test.fails == "") || err != nil && err.Error() != test.fails {
				t.Errorf("%s Got error %v, want %q", test.reason, err, test.fails)
			}
		})
	}
}
