package contour

import (
	"cmp"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// textNoWeights is a text of the contract, which users see in events.
const textNoWeights = "HTTPProxy %s.%s update failed: no valid weights"

// idleTimeout is how long a connection may be silent in a route with a time-out for requests.
const idleTimeout = "5m"

// render makes the HTTPProxy that divides traffic as want says, with the fields that we own and, in its routes, what
// live has besides; whose the object is, is not its matter. It changes neither c nor live, which may be nil.
func render(class string, c *v1beta1.Canary, live *unstructured.Unstructured, want rollout.Traffic) (*unstructured.Unstructured, error) {
	if want.Primary <= 0 && want.Canary <= 0 {
		return nil, fmt.Errorf(textNoWeights, router.ObjectName(c), c.Namespace)
	}
	list, err := divide(c, routes(live), want)
	if err != nil {
		return nil, router.InvalidSpec(err)
	}
	spec := map[string]any{routesField: list}
	if class != "" {
		spec[classField] = class
	}
	return router.ApexObject(c, kind, spec), nil
}

// divide makes the routes: in an A/B test only the matching requests are divided, and the primary has the others.
func divide(c *v1beta1.Canary, present []route, want rollout.Traffic) ([]any, error) {
	conditions, err := matching(c)
	if err != nil {
		return nil, err
	}
	var first, last route
	if len(present) > 0 {
		first, last = present[0], present[len(present)-1]
	}
	if len(conditions) == 0 {
		return []any{lay(c, last, plain(c), want)}, nil
	}
	return []any{
		lay(c, first, append(plain(c), conditions...), want),
		lay(c, last, plain(c), rollout.ToPrimary()),
	}, nil
}

// lay makes the route of the requests that meet conditions, which is as like says in the fields that are not ours; like
// may be nil. An answer that like gives itself would keep requests from both sides.
func lay(c *v1beta1.Canary, like route, conditions []any, want rollout.Traffic) route {
	one := route{}
	if like != nil {
		one = runtime.DeepCopyJSON(like)
	}
	for _, field := range []string{"timeoutPolicy", "retryPolicy", "requestRedirectPolicy", "directResponsePolicy"} {
		delete(one, field)
	}
	primary, canary, apex := router.PrimaryService(c), router.CanaryService(c), router.ApexService(c)
	present := entries(one)
	one["conditions"] = conditions
	one["services"] = []any{
		lead(c, find(present, primary, canary, apex), primary, want.Primary),
		lead(c, find(present, canary, primary, apex), canary, want.Canary),
	}
	if timeout := c.Spec.Service.Timeout; timeout != "" {
		one["timeoutPolicy"] = map[string]any{"response": timeout, "idle": idleTimeout}
	}
	if policy := retries(c); policy != nil {
		one["retryPolicy"] = policy
	}
	return one
}

// retries is when requests are tried again; nil leaves it to Contour.
func retries(c *v1beta1.Canary) map[string]any {
	const never = -1 // to Contour 0 is the default, which is 1
	wanted := c.Spec.Service.Retries
	if wanted == nil {
		return nil
	}
	policy := map[string]any{"count": cmp.Or(int64(wanted.Attempts), never)}
	if wanted.PerTryTimeout != "" {
		policy["perTryTimeout"] = wanted.PerTryTimeout
	}
	var reasons []any
	for reason := range strings.SplitSeq(wanted.RetryOn, ",") {
		if reason = strings.TrimSpace(reason); reason != "" {
			reasons = append(reasons, reason)
		}
	}
	if len(reasons) > 0 {
		policy["retryOn"] = reasons
	}
	return policy
}
