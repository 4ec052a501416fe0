package gloo

import (
	"errors"
	"regexp"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

var errNotWhole = errors.New("must be exact or regex, as Gloo compares with the whole of a text")

// matcher is what a request must meet, in the API's JSON.
type matcher = map[string]any

// matching is what the requests of an A/B test meet, nil without a test: all that its entries ask for. The error names
// what Gloo cannot match.
func matching(c *v1beta1.Canary) (matcher, error) {
	lists := map[router.Part]string{router.Headers: "headers", router.QueryParams: "queryParameters"}
	var all matcher
	err := router.EachCondition(c, "Gloo", func(part router.Part, name string, value istio.StringMatch) error {
		one, err := comparison(name, value)
		if err != nil {
			return err
		}
		if all == nil {
			all = matcher{}
		}
		present, _ := all[lists[part]].([]any)
		all[lists[part]] = append(present, one)
		return nil
	})
	return all, err
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
