package contour

import (
	"errors"
	"regexp"
	"strings"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

var (
	errTwice  = errors.New("is exact in an entry before this one too, and must meet all entries at once")
	errNoText = errors.New("must be exact, prefix, suffix or regex")
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

// matching is what the requests of an A/B test meet besides. It is empty without a test. The error names what Contour
// cannot match.
func matching(c *v1beta1.Canary) ([]any, error) {
	kinds := map[router.Part]string{router.Headers: "header", router.QueryParams: "queryParameter"}
	// exact are the names, by kind, that are to have one value and no other. Contour drops a route with two such
	// conditions of a name, and all of its requests with it.
	exact := map[string]bool{}
	var conditions []any
	err := router.EachCondition(c, "Contour", func(part router.Part, name string, value istio.StringMatch) error {
		how, text, err := comparison(value)
		if err != nil {
			return err
		}
		if key := kinds[part] + " " + strings.ToLower(name); how == "exact" {
			if exact[key] {
				return errTwice
			}
			exact[key] = true
		}
		conditions = append(conditions, condition{kinds[part]: map[string]any{"name": name, how: text}})
		return nil
	})
	return conditions, err
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
