package gatewayapi

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// original is what of a user's HTTPRoute is overwritten, all its labels too.
type original struct {
	v1beta1.CustomMetadata
	Spec map[string]any `json:"spec"`
}

// originalOf is the original of live, an HTTPRoute that c did not make, which rendered will overwrite, or nil if live
// has our backends.
func originalOf(c *v1beta1.Canary, live, rendered *unstructured.Unstructured) (*original, error) {
	if _, ours, err := read(c, live); err != nil || ours {
		return nil, err
	}
	spec, _, err := unstructured.NestedMap(live.Object, "spec")
	if err != nil {
		return nil, fmt.Errorf("save the original HTTPRoute: %w", err)
	}
	metadata := router.Overwritten(live, rendered)
	metadata.Labels = live.GetLabels()
	return &original{CustomMetadata: metadata, Spec: spec}, nil
}

// handBack is live as it was before it was taken over; where that is not known, all traffic goes to the apex Service.
// It returns nil for an object that was never taken over.
func handBack(c *v1beta1.Canary, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	before, err := router.SavedOriginal[original](live)
	if err != nil {
		return nil, err
	}
	restored := live.DeepCopy()
	if before != nil {
		restored.Object["spec"] = before.Spec
		router.PutBack(restored, router.ApexMetadata(c), before.CustomMetadata)
		return restored, nil
	}
	_, ours, err := read(c, live)
	if err != nil || !ours {
		return nil, err
	}
	router.PutBack(restored, router.ApexMetadata(c), v1beta1.CustomMetadata{})
	return restored, toApex(c, restored)
}

// toApex leaves of the rules of route the last, which in every layout matches all that the service serves, and sends it
// to the apex Service.
func toApex(c *v1beta1.Canary, route *unstructured.Unstructured) error {
	rules, _, err := unstructured.NestedSlice(route.Object, "spec", "rules")
	if err != nil {
		return fmt.Errorf("read the rules: %w", err)
	}
	rule, ok := rules[len(rules)-1].(map[string]any)
	if !ok {
		return fmt.Errorf("read the rules: the last is no object")
	}
	rule["backendRefs"] = []any{map[string]any{
		"group": "", "kind": serviceKind, "name": router.ApexService(c), "port": int64(c.Spec.Service.Port), "weight": int64(1),
	}}
	filters, _ := rule["filters"].([]any)
	filters = slices.DeleteFunc(filters, func(filter any) bool {
		object, _ := filter.(map[string]any)
		name, _, _ := unstructured.NestedString(object, "requestMirror", "backendRef", "name")
		return name == router.CanaryService(c)
	})
	if delete(rule, "filters"); len(filters) > 0 {
		rule["filters"] = filters
	}
	return unstructured.SetNestedSlice(route.Object, []any{rule}, "spec", "rules")
}
