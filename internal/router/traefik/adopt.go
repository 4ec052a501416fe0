package traefik

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// originalAnnotation holds what a user's TraefikService was before it was taken over.
const originalAnnotation = "flagger.app/original-spec"

// original is what of a user's TraefikService is overwritten.
type original struct {
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Services    []entry           `json:"services,omitempty"`
}

// takeOver completes rendered for a live object that c did not make: it keeps the original with the object. What
// another controller made, or what does more than lead to the apex Service, is router.ErrForeign. An object that
// already leads to one of our sides was taken over by Flagger, which kept no original.
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

// save writes down what rendered will overwrite in live, if all that live does is lead to the apex Service.
func save(c *v1beta1.Canary, live, rendered *unstructured.Unstructured) (string, error) {
	list, err := entries(live)
	if err != nil {
		return "", err
	}
	for i, e := range list {
		if !leadsTo(c, e, router.ApexService(c)) {
			return "", foreign(live, "leads in spec.weighted.services[%d] to %v, not to Service %s", i, e["name"], router.ApexService(c))
		}
	}
	if kind := kindOf(live); len(list) == 0 && kind != "" {
		return "", foreign(live, "has spec.%s, which cannot be divided by weight", kind)
	}
	saved, err := json.Marshal(original{
		Labels:      overwritten(live.GetLabels(), rendered.GetLabels()),
		Annotations: overwritten(live.GetAnnotations(), rendered.GetAnnotations()),
		Services:    list,
	})
	if err != nil {
		return "", fmt.Errorf("save the original services: %w", err)
	}
	return string(saved), nil
}

func foreign(live *unstructured.Unstructured, format string, args ...any) error {
	return fmt.Errorf("TraefikService %s.%s %s: %w", live.GetName(), live.GetNamespace(), fmt.Sprintf(format, args...), router.ErrForeign)
}

// kindOf is the field of live's spec that says what it does instead of dividing by weight, the first by name, or "".
func kindOf(live *unstructured.Unstructured) string {
	spec, _ := live.Object["spec"].(map[string]any)
	for _, field := range slices.Sorted(maps.Keys(spec)) {
		if field != "weighted" {
			return field
		}
	}
	return ""
}

// overwritten are the entries of before that after has too.
func overwritten(before, after map[string]string) map[string]string {
	kept := map[string]string{}
	for key, value := range before {
		if _, found := after[key]; found {
			kept[key] = value
		}
	}
	return kept
}

// handBack is live as it was before it was taken over; where that is not known, all traffic goes to the apex Service.
// It returns nil for an object that was never taken over.
func handBack(c *v1beta1.Canary, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	list, err := entries(live)
	if err != nil {
		return nil, err
	}
	var before original
	if saved, found := live.GetAnnotations()[originalAnnotation]; found {
		if err := json.Unmarshal([]byte(saved), &before); err != nil {
			return nil, fmt.Errorf("read the original of TraefikService %s.%s: %w", live.GetName(), live.GetNamespace(), err)
		}
	} else {
		like := find(c, list, router.PrimaryService(c), router.CanaryService(c))
		if like == nil {
			return nil, nil
		}
		before.Services = []entry{lead(c, like, router.ApexService(c), rollout.ToPrimary().Primary)}
	}
	restored := live.DeepCopy()
	metadata := apexMetadata(c)
	restored.SetLabels(without(metadata.Labels, live.GetLabels(), before.Labels))
	annotations := kube.Guarded(metadata.Annotations)
	annotations[originalAnnotation] = ""
	restored.SetAnnotations(without(annotations, live.GetAnnotations(), before.Annotations))
	return restored, restore(restored, before.Services)
}

// without is what is left of live when ours is taken out of it and what it overwrote is put back.
func without(ours, live, overwritten map[string]string) map[string]string {
	left := map[string]string{}
	for key, value := range live {
		if _, found := ours[key]; !found {
			left[key] = value
		}
	}
	maps.Copy(left, overwritten)
	return left
}

// restore gives object the list of entries, or none at all.
func restore(object *unstructured.Unstructured, list []entry) error {
	if len(list) > 0 {
		items := make([]any, len(list))
		for i, e := range list {
			items[i] = e
		}
		return unstructured.SetNestedSlice(object.Object, items, listPath...)
	}
	unstructured.RemoveNestedField(object.Object, listPath...)
	weighted := listPath[:len(listPath)-1]
	if left, _, err := unstructured.NestedMap(object.Object, weighted...); err == nil && len(left) == 0 {
		unstructured.RemoveNestedField(object.Object, weighted...)
	}
	return nil
}
