package smi

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// originalAnnotation holds what a user's TrafficSplit was before it was taken over.
const originalAnnotation = "flagger.app/original-spec"

// original is what of a user's TrafficSplit is overwritten.
type original struct {
	Annotations map[string]string `json:"annotations,omitempty"`
	Service     string            `json:"service"`
	Backends    []backend         `json:"backends"`
}

// takeOver completes rendered for a live object that c did not make: it keeps the original with the object. What
// another controller made, or what does more than lead from the root to the apex Service, is router.ErrForeign. An
// object that already leads to one of our sides was taken over by Flagger, which kept no original.
func takeOver(c *v1beta1.Canary, live, rendered *unstructured.Unstructured) error {
	if controller := metav1.GetControllerOf(live); controller != nil {
		return foreign(live, "is controlled by %s %s", controller.Kind, controller.Name)
	}
	saved, found := live.GetAnnotations()[originalAnnotation]
	if !found {
		_, ours, err := read(c, live)
		if err != nil || ours {
			return err
		}
		if saved, err = save(c, live, rendered); err != nil {
			return err
		}
		rendered.SetResourceVersion(live.GetResourceVersion()) // or the saved original may be outdated
	}
	annotations := rendered.GetAnnotations()
	annotations[originalAnnotation] = saved
	rendered.SetAnnotations(annotations)
	return nil
}

// save writes down what rendered will overwrite in live, if all that live does is lead from the root to the apex
// Service.
func save(c *v1beta1.Canary, live, rendered *unstructured.Unstructured) (string, error) {
	list, err := backends(live)
	if err != nil {
		return "", err
	}
	divided, root := rootOf(live), rootOf(rendered)
	if !isSame(c, divided, root) {
		return "", foreign(live, "divides the traffic of %s, not of %s", divided, root)
	}
	for i, b := range list {
		if b["service"] != apexService(c) {
			return "", foreign(live, "leads in spec.backends[%d] to %v, not to Service %s", i, b["service"], apexService(c))
		}
	}
	annotations := rendered.GetAnnotations()
	overwritten := map[string]string{}
	for key, value := range live.GetAnnotations() {
		if _, found := annotations[key]; found {
			overwritten[key] = value
		}
	}
	saved, err := json.Marshal(original{Annotations: overwritten, Service: divided, Backends: list})
	if err != nil {
		return "", fmt.Errorf("save the original TrafficSplit: %w", err)
	}
	return string(saved), nil
}

func foreign(live *unstructured.Unstructured, format string, args ...any) error {
	return fmt.Errorf("TrafficSplit %s.%s %s: %w", live.GetName(), live.GetNamespace(), fmt.Sprintf(format, args...), router.ErrForeign)
}

// isSame says whether two roots are the same or name the same Service.
func isSame(c *v1beta1.Canary, a, b string) bool {
	first, isService := serviceOf(c, a)
	second, isToo := serviceOf(c, b)
	return a == b || isService && isToo && first == second
}

// handBack is live as it was before it was taken over; where that is not known, all traffic goes to the apex Service.
// It returns nil for an object that was never taken over.
func (v Variant) handBack(c *v1beta1.Canary, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	list, err := backends(live)
	if err != nil {
		return nil, err
	}
	saved, found := live.GetAnnotations()[originalAnnotation]
	before := original{Service: rootOf(live)}
	switch {
	case found:
		if err := json.Unmarshal([]byte(saved), &before); err != nil {
			return nil, fmt.Errorf("read the original of TrafficSplit %s.%s: %w", live.GetName(), live.GetNamespace(), err)
		}
	case slices.ContainsFunc(list, func(b backend) bool { return isSide(c, b) }):
		all := rollout.ToPrimary().Primary
		before.Backends = []backend{{"service": apexService(c), "weight": v.form(list)(all)}}
	default:
		return nil, nil
	}
	annotations, err := v.withoutOurs(c, live, before.Annotations)
	if err != nil {
		return nil, err
	}
	restored := live.DeepCopy()
	restored.SetAnnotations(annotations)
	return restored, divide(restored, before.Service, v.readable(before.Backends))
}

// withoutOurs are the annotations of live without those that Apply put there, and with those that it overwrote.
func (v Variant) withoutOurs(c *v1beta1.Canary, live *unstructured.Unstructured, overwritten map[string]string) (map[string]string, error) {
	ours, err := v.mesh.annotations(c)
	if err != nil {
		return nil, err
	}
	annotations := live.GetAnnotations()
	delete(annotations, originalAnnotation)
	for key := range ours {
		delete(annotations, key)
	}
	maps.Copy(annotations, overwritten)
	return annotations, nil
}
