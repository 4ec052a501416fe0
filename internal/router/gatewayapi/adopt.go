package gatewayapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/router"
)

// originalAnnotation holds what a user's HTTPRoute was before it was taken over.
const originalAnnotation = "flagger.app/original-spec"

// original is what of a user's HTTPRoute is overwritten.
type original struct {
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Spec        map[string]any    `json:"spec"`
}

// takeOver completes rendered for a live object that c did not make: it keeps the original with the object. What
// another controller made is router.ErrForeign. An object that already has our backends was taken over by Flagger,
// which kept no original.
func takeOver(c *v1beta1.Canary, live, rendered *unstructured.Unstructured) error {
	if controller := metav1.GetControllerOf(live); controller != nil {
		return fmt.Errorf("HTTPRoute %s.%s is controlled by %s %s: %w",
			live.GetName(), live.GetNamespace(), controller.Kind, controller.Name, router.ErrForeign)
	}
	saved, found := live.GetAnnotations()[originalAnnotation]
	if !found {
		_, ours, err := read(c, live)
		if err != nil || ours {
			return err
		}
		if saved, err = save(live, rendered); err != nil {
			return err
		}
		rendered.SetResourceVersion(live.GetResourceVersion()) // or the saved original may be outdated
	}
	annotations := rendered.GetAnnotations()
	annotations[originalAnnotation] = saved
	rendered.SetAnnotations(annotations)
	return nil
}

// save writes down the labels and the spec of live, and those of its annotations that rendered has too.
func save(live, rendered *unstructured.Unstructured) (string, error) {
	spec, _, err := unstructured.NestedMap(live.Object, "spec")
	if err != nil {
		return "", fmt.Errorf("save the original HTTPRoute: %w", err)
	}
	overwritten := rendered.GetAnnotations()
	kept := map[string]string{}
	for key, value := range live.GetAnnotations() {
		if _, found := overwritten[key]; found {
			kept[key] = value
		}
	}
	saved, err := json.Marshal(original{Labels: live.GetLabels(), Annotations: kept, Spec: spec})
	if err != nil {
		return "", fmt.Errorf("save the original HTTPRoute: %w", err)
	}
	return string(saved), nil
}

// handBack is live as it was before it was taken over; where that is not known, all traffic goes to the apex Service.
// It returns nil for an object that was never taken over.
func handBack(c *v1beta1.Canary, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	restored := live.DeepCopy()
	if saved, found := live.GetAnnotations()[originalAnnotation]; found {
		var before original
		if err := json.Unmarshal([]byte(saved), &before); err != nil {
			return nil, fmt.Errorf("read the original of HTTPRoute %s.%s: %w", live.GetName(), live.GetNamespace(), err)
		}
		restored.Object["spec"] = before.Spec
		restored.SetLabels(before.Labels)
		restored.SetAnnotations(withoutOurs(c, live, before.Annotations))
		return restored, nil
	}
	_, ours, err := read(c, live)
	if err != nil || !ours {
		return nil, err
	}
	restored.SetAnnotations(withoutOurs(c, live, nil))
	return restored, toApex(c, restored)
}

// withoutOurs are the annotations of live without those that Apply put there, and with those that it overwrote.
func withoutOurs(c *v1beta1.Canary, live *unstructured.Unstructured, overwritten map[string]string) map[string]string {
	annotations := live.GetAnnotations()
	delete(annotations, originalAnnotation)
	ours := kube.Guards
	if c.Spec.Service.Apex != nil {
		ours = kube.Guarded(c.Spec.Service.Apex.Annotations)
	}
	for key := range ours {
		delete(annotations, key)
	}
	maps.Copy(annotations, overwritten)
	return annotations
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
