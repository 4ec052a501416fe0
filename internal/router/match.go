package router

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
)

// errNoCondition is why an entry of an A/B test is refused that asks for nothing.
var errNoCondition = errors.New("has no headers and no queryParams, and would match every request")

// Part is what of a request a condition is about, as analysis.match spells it.
type Part string

// The parts of a request that EachCondition knows.
const (
	Headers     Part = "headers"
	QueryParams Part = "queryParams"
)

// EachCondition asks for what the entries of the A/B test want of headers and query parameters, in the order of the test
// and sorted by name within an entry: maps have no order, and a list that changes its order looks like drift. Its error
// names the condition for which ask has one, or an entry that wants nothing, or anything that product does not know.
func EachCondition(c *v1beta1.Canary, product string, ask func(part Part, name string, value istio.StringMatch) error) error {
	for i, match := range Analysis(c).Match {
		field := fmt.Sprintf("spec.analysis.match[%d]", i)
		if len(match.Headers)+len(match.QueryParams) == 0 {
			return fmt.Errorf("%s %w", field, errNoCondition)
		}
		known := istio.HTTPMatchRequest{Name: match.Name, Headers: match.Headers, QueryParams: match.QueryParams}
		if !equality.Semantic.DeepEqual(match, known) {
			return fmt.Errorf("%s: %s can match headers and queryParams alone", field, product)
		}
		for _, one := range []struct {
			part   Part
			values map[string]istio.StringMatch
		}{{Headers, match.Headers}, {QueryParams, match.QueryParams}} {
			for _, name := range slices.Sorted(maps.Keys(one.values)) {
				if err := ask(one.part, name, one.values[name]); err != nil {
					return fmt.Errorf("%s.%s.%s: %w", field, one.part, name, err)
				}
			}
		}
	}
	return nil
}
