package gloo

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

var (
	errNoCondition = errors.New("has no headers and no queryParams, and would match every request")
	errOther       = errors.New("Gloo can match headers and queryParams alone")
	errNotWhole    = errors.New("must be exact or regex, as Gloo compares with the whole of a text")
)

// matcher is what a request must meet, in the API's JSON.
type matcher = map[string]any

// matching is what the requests of an A/B test meet, nil without a test: all that its entries ask for, in the order of
// the test and sorted by name within an entry, because maps have no order, and a list that changes its order looks like
// drift. The error names what Gloo cannot match.
func matching(c *v1beta1.Canary) (matcher, error) {
	matches := router.Analysis(c).Match
	if len(matches) == 0 {
		return nil, nil
	}
	all := matcher{}
	for i, match := range matches {
		field := fmt.Sprintf("spec.analysis.match[%d]", i)
		if len(match.Headers)+len(match.QueryParams) == 0 {
			return nil, fmt.Errorf("%s %w", field, errNoCondition)
		}
		known := istio.HTTPMatchRequest{Name: match.Name, Headers: match.Headers, QueryParams: match.QueryParams}
		if !equality.Semantic.DeepEqual(match, known) {
			return nil, fmt.Errorf("%s: %w", field, errOther)
		}
		if err := add(all, "headers", match.Headers); err != nil {
			return nil, fmt.Errorf("%s.headers.%w", field, err)
		}
		if err := add(all, "queryParameters", match.QueryParams); err != nil {
			return nil, fmt.Errorf("%s.queryParams.%w", field, err)
		}
	}
	return all, nil
}

// add appends comparisons to one of the lists of all.
func add(all matcher, list string, values map[string]istio.StringMatch) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		one, err := comparison(name, values[name])
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		present, _ := all[list].([]any)
		all[list] = append(present, one)
	}
	return nil
}

func comparison(name string, value istio.StringMatch) (map[string]any, error) {
	switch {
	case value.Exact != "":
		return map[string]any{"name": name, "value": value.Exact}, nil
	case value.Regex != "":
		_, err := regexp.Compile(value.Regex)
		return map[string]any{"name": name, "value": value.Regex, "regex": true}, err
	}
	return nil, errNotWhole
}
