package gatewayapi

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// Texts of the contract, which users see in events.
const (
	textInvalidMatch  = "Invalid request matching selectors: %w"
	textInvalidPath   = "Gateway API doesn't support the specified path matching selector: %+v"
	textInvalidHeader = "Gateway API doesn't support the specified header matching selector: %+v"
	textInvalidQuery  = "Gateway API doesn't support the specified query matching selector: %+v"
)

var (
	errNoCondition = errors.New("analysis.match has an entry without headers and queryParams, which would match every request")
	errConflict    = errors.New("analysis.match and service.match differ in what they ask of")
)

// serviceMatches are the requests that the canary's service serves; at least one match, each with a path.
func serviceMatches(c *v1beta1.Canary) ([]gatewayv1.HTTPRouteMatch, error) {
	var matches []gatewayv1.HTTPRouteMatch
	for _, request := range c.Spec.Service.Match {
		match, err := serviceMatch(request)
		if err != nil {
			return nil, fmt.Errorf(textInvalidMatch, err)
		}
		if match.Path == nil && match.Method == nil && len(match.Headers) == 0 && len(match.QueryParams) == 0 {
			continue
		}
		match.Path = cmp.Or(match.Path, anyPath())
		matches = append(matches, match)
	}
	if len(matches) == 0 {
		matches = []gatewayv1.HTTPRouteMatch{{Path: anyPath()}}
	}
	return matches, nil
}

// anyPath is the CRD's default.
func anyPath() *gatewayv1.HTTPPathMatch {
	return &gatewayv1.HTTPPathMatch{Type: new(gatewayv1.PathMatchPathPrefix), Value: new("/")}
}

func serviceMatch(request istio.HTTPMatchRequest) (gatewayv1.HTTPRouteMatch, error) {
	match, err := conditions(request)
	if err != nil {
		return match, err
	}
	if match.Path, err = pathMatch(request.URI); err != nil {
		return match, err
	}
	if request.Method != nil {
		if request.Method.Exact == "" {
			return match, fmt.Errorf(textInvalidHeader, *request.Method)
		}
		match.Method = new(gatewayv1.HTTPMethod(request.Method.Exact))
	}
	return match, nil
}

func pathMatch(uri *istio.StringMatch) (*gatewayv1.HTTPPathMatch, error) {
	switch {
	case uri == nil:
		return nil, nil
	case uri.Regex != "":
		return &gatewayv1.HTTPPathMatch{Type: new(gatewayv1.PathMatchRegularExpression), Value: &uri.Regex}, nil
	case uri.Exact != "":
		return &gatewayv1.HTTPPathMatch{Type: new(gatewayv1.PathMatchExact), Value: &uri.Exact}, nil
	case uri.Prefix != "":
		return &gatewayv1.HTTPPathMatch{Type: new(gatewayv1.PathMatchPathPrefix), Value: &uri.Prefix}, nil
	}
	return nil, fmt.Errorf(textInvalidPath, *uri)
}

// conditions maps the headers and query parameters of request, sorted by name: maps have no order, and a list that
// changes its order looks like drift.
func conditions(request istio.HTTPMatchRequest) (gatewayv1.HTTPRouteMatch, error) {
	var match gatewayv1.HTTPRouteMatch
	for _, name := range slices.Sorted(maps.Keys(request.Headers)) {
		condition := gatewayv1.HTTPHeaderMatch{Name: gatewayv1.HTTPHeaderName(name)}
		switch selector := request.Headers[name]; {
		case selector.Exact != "":
			condition.Type, condition.Value = new(gatewayv1.HeaderMatchExact), selector.Exact
		case selector.Regex != "":
			condition.Type, condition.Value = new(gatewayv1.HeaderMatchRegularExpression), selector.Regex
		default:
			return match, fmt.Errorf(textInvalidHeader, selector)
		}
		match.Headers = append(match.Headers, condition)
	}
	for _, name := range slices.Sorted(maps.Keys(request.QueryParams)) {
		condition := gatewayv1.HTTPQueryParamMatch{Name: gatewayv1.HTTPHeaderName(name)}
		switch selector := request.QueryParams[name]; {
		case selector.Exact != "":
			condition.Type, condition.Value = new(gatewayv1.QueryParamMatchExact), selector.Exact
		case selector.Regex != "":
			condition.Type, condition.Value = new(gatewayv1.QueryParamMatchRegularExpression), selector.Regex
		default:
			return match, fmt.Errorf(textInvalidQuery, selector)
		}
		match.QueryParams = append(match.QueryParams, condition)
	}
	return match, nil
}

// analysisMatches narrows each of service by each condition of the A/B test, in the order of the test.
func analysisMatches(c *v1beta1.Canary, service []gatewayv1.HTTPRouteMatch) ([]gatewayv1.HTTPRouteMatch, error) {
	var matches []gatewayv1.HTTPRouteMatch
	for _, request := range router.Analysis(c).Match {
		condition, err := conditions(request)
		if err == nil && len(condition.Headers) == 0 && len(condition.QueryParams) == 0 {
			err = errNoCondition
		}
		if err != nil {
			return nil, fmt.Errorf(textInvalidMatch, err)
		}
		for _, match := range service {
			narrowed, err := narrow(match, condition)
			if err != nil {
				return nil, fmt.Errorf(textInvalidMatch, err)
			}
			matches = append(matches, narrowed)
		}
	}
	return matches, nil
}

// narrow is match with the headers and query parameters of condition on top. A header can be asked for one thing only,
// so two different wishes for it are an error.
func narrow(match, condition gatewayv1.HTTPRouteMatch) (gatewayv1.HTTPRouteMatch, error) {
	narrowed := *match.DeepCopy()
	for _, wish := range condition.Headers {
		at := slices.IndexFunc(narrowed.Headers, func(h gatewayv1.HTTPHeaderMatch) bool {
			return strings.EqualFold(string(h.Name), string(wish.Name))
		})
		switch {
		case at < 0:
			narrowed.Headers = append(narrowed.Headers, *wish.DeepCopy())
		case *narrowed.Headers[at].Type != *wish.Type || narrowed.Headers[at].Value != wish.Value:
			return narrowed, fmt.Errorf("%w header %s", errConflict, wish.Name)
		}
	}
	for _, wish := range condition.QueryParams {
		at := slices.IndexFunc(narrowed.QueryParams, func(q gatewayv1.HTTPQueryParamMatch) bool {
			return q.Name == wish.Name
		})
		switch {
		case at < 0:
			narrowed.QueryParams = append(narrowed.QueryParams, *wish.DeepCopy())
		case *narrowed.QueryParams[at].Type != *wish.Type || narrowed.QueryParams[at].Value != wish.Value:
			return narrowed, fmt.Errorf("%w query parameter %s", errConflict, wish.Name)
		}
	}
	sortConditions(&narrowed)
	return narrowed, nil
}

func sortConditions(match *gatewayv1.HTTPRouteMatch) {
	slices.SortStableFunc(match.Headers, func(a, b gatewayv1.HTTPHeaderMatch) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortStableFunc(match.QueryParams, func(a, b gatewayv1.HTTPQueryParamMatch) int { return cmp.Compare(a.Name, b.Name) })
}
