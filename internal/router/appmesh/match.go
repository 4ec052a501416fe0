package appmesh

import (
	"fmt"
	"maps"
	"slices"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// conditions are those of the A/B test, one for each entry of analysis.match, in the order of the test. Without a test
// there are none.
func conditions(c *v1beta1.Canary) ([][]any, error) {
	test := router.Analysis(c).Match
	if count, most := len(test), priorityOfRest-priorityOfTest; count > most {
		return nil, fmt.Errorf("analysis.match has %d entries, App Mesh can tell %d apart", count, most)
	}
	var all [][]any
	for i, request := range test {
		switch {
		case len(request.Headers) == 0:
			return nil, fmt.Errorf("analysis.match[%d] has no headers, and App Mesh would match every request", i)
		case len(request.QueryParams) > 0 || len(request.SourceLabels) > 0:
			return nil, fmt.Errorf("analysis.match[%d] asks for more than headers, which App Mesh would not look at", i)
		}
		all = append(all, headers(request))
	}
	return all, nil
}

// headers are the header matches of request, sorted by name: maps have no order, and a list that changes its order
// looks like drift.
func headers(request istio.HTTPMatchRequest) []any {
	var list []any
	for _, name := range slices.Sorted(maps.Keys(request.Headers)) {
		header := map[string]any{"name": name}
		if match := values(request.Headers[name]); len(match) > 0 { // without one, the header only has to be there
			header["match"] = match
		}
		list = append(list, header)
	}
	return list
}

func values(selector istio.StringMatch) map[string]any {
	match := map[string]any{}
	for field, value := range map[string]string{
		"exact":  selector.Exact,
		"prefix": selector.Prefix,
		"regex":  selector.Regex,
		"suffix": selector.Suffix,
	} {
		if value != "" {
			match[field] = value
		}
	}
	return match
}
