package contour

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

var (
	errNoCondition = errors.New("has no headers and no queryParams, and would match every request")
	errOther       = errors.New("Contour can match headers and queryParams alone")
	errTwice       = errors.New("is exact in an entry before this one too, and must meet all entries at once")
	errNoText      = errors.New("must be exact, prefix, suffix or regex")
)

// condition is one that a request must meet, in the API's JSON.
type condition = map[string]any

// plain is what all requests of the canary's service meet.
func plain(c *v1beta1.Canary) []any { return []any{condition{"prefix": prefix(c)}} }

// prefix is that of the paths which the canary's service serves.
func prefix(c *v1beta1.Canary) string {
	const everything = "/"
	if len(c.Spec.Service.Match) == 0 {
		return everything
	}
	if uri := c.Spec.Service.Match[0].URI; uri != nil && uri.Prefix != "" {
		return uri.Prefix
	}
	return everything
}

// matching is what the requests of an A/B test meet besides, in the order of the test and sorted by name within an
// entry: maps have no order, and a list that changes its order looks like drift. It is empty without a test. The error
// names what Contour cannot match.
func matching(c *v1beta1.Canary) ([]any, error) {
	all := conjunction{exact: map[string]bool{}}
	for i, match := range router.Analysis(c).Match {
		field := fmt.Sprintf("spec.analysis.match[%d]", i)
		if len(match.Headers)+len(match.QueryParams) == 0 {
			return nil, fmt.Errorf("%s %w", field, errNoCondition)
		}
		known := istio.HTTPMatchRequest{Name: match.Name, Headers: match.Headers, QueryParams: match.QueryParams}
		if !equality.Semantic.DeepEqual(match, known) {
			return nil, fmt.Errorf("%s: %w", field, errOther)
		}
		if err := all.add("header", match.Headers); err != nil {
			return nil, fmt.Errorf("%s.headers.%w", field, err)
		}
		if err := all.add("queryParameter", match.QueryParams); err != nil {
			return nil, fmt.Errorf("%s.queryParams.%w", field, err)
		}
	}
	return all.conditions, nil
}

// conjunction are conditions that must all be met.
type conjunction struct {
	conditions []any
	// exact are the names, by kind, that are to have one value and no other. Contour drops a route with two such
	// conditions of a name, and all of its requests with it.
	exact map[string]bool
}

// add appends the conditions of one kind, each for one name.
func (all *conjunction) add(kind string, values map[string]istio.StringMatch) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		how, text, err := comparison(values[name])
		key := kind + " " + strings.ToLower(name)
		if how == "exact" && all.exact[key] {
			err = errTwice
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all.exact[key] = all.exact[key] || how == "exact"
		all.conditions = append(all.conditions, condition{kind: map[string]any{"name": name, how: text}})
	}
	return nil
}

// comparison is Contour's field for value and what it says there. A regular expression has to match all of a text.
func comparison(value istio.StringMatch) (how, text string, err error) {
	switch {
	case value.Exact != "":
		return "exact", value.Exact, nil
	case value.Prefix != "":
		return "regex", regexp.QuoteMeta(value.Prefix) + ".*", nil
	case value.Suffix != "":
		return "regex", ".*" + regexp.QuoteMeta(value.Suffix), nil
	case value.Regex != "":
		_, err := regexp.Compile(value.Regex)
		return "regex", value.Regex, err
	}
	return "", "", errNoText
}
