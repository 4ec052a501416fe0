package router

import (
	"encoding/json"
	"fmt"
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
)

// OriginalAnnotation holds what a user's object was before it was taken over.
const OriginalAnnotation = "flagger.app/original-spec"

// TakeOver completes rendered for a live object that its canary did not make: it keeps the original with the object,
// so that Release can undo what Apply does. The first time original says what rendered will overwrite, as a struct to
// be encoded in JSON; nil says that the object leads to our sides already, because Flagger took it over and kept no
// original. What another controller made is ErrForeign.
func TakeOver[Original any](live, rendered *unstructured.Unstructured, original func() (*Original, error)) error {
	if err := Uncontrolled(live); err != nil {
		return err
	}
	saved, found := live.GetAnnotations()[OriginalAnnotation]
	if !found {
		before, err := original()
		if err != nil || before == nil {
			return err
		}
		content, err := json.Marshal(before)
		if err != nil {
			return fmt.Errorf("save the original of %s: %w", Describe(live), err)
		}
		saved = string(content)
		rendered.SetResourceVersion(live.GetResourceVersion()) // or the saved original may be outdated
	}
	annotate(rendered, OriginalAnnotation, saved)
	return nil
}

// SavedOriginal returns what TakeOver kept with live, or nil if it kept nothing.
func SavedOriginal[Original any](live *unstructured.Unstructured) (*Original, error) {
	saved, found := live.GetAnnotations()[OriginalAnnotation]
	if !found {
		return nil, nil
	}
	before := new(Original)
	if err := json.Unmarshal([]byte(saved), before); err != nil {
		return nil, fmt.Errorf("read the original of %s: %w", Describe(live), err)
	}
	return before, nil
}

// Uncontrolled says which controller live has, as ErrForeign, or nothing if it has none.
func Uncontrolled(live *unstructured.Unstructured) error {
	if controller := metav1.GetControllerOf(live); controller != nil {
		return Foreign(live, "is controlled by %s %s", controller.Kind, controller.Name)
	}
	return nil
}

// Foreign is ErrForeign about live: the format says, after the object's name, why it may not be taken over.
func Foreign(live *unstructured.Unstructured, format string, args ...any) error {
	return fmt.Errorf("%s %s: %w", Describe(live), fmt.Sprintf(format, args...), ErrForeign)
}

// Overwritten are the labels and annotations of live whose keys rendered has too.
func Overwritten(live, rendered *unstructured.Unstructured) v1beta1.CustomMetadata {
	return v1beta1.CustomMetadata{
		Labels:      common(live.GetLabels(), rendered.GetLabels()),
		Annotations: common(live.GetAnnotations(), rendered.GetAnnotations()),
	}
}

// PutBack takes ours, which Apply put there, out of the labels and annotations of object, and the saved original, and
// puts back what ours overwrote.
func PutBack(object *unstructured.Unstructured, ours, overwritten v1beta1.CustomMetadata) {
	object.SetLabels(without(object.GetLabels(), ours.Labels, overwritten.Labels))
	annotations := without(object.GetAnnotations(), ours.Annotations, overwritten.Annotations)
	delete(annotations, OriginalAnnotation)
	object.SetAnnotations(annotations)
}

// common are the entries of before whose keys after has too.
func common(before, after map[string]string) map[string]string {
	kept := map[string]string{}
	for key, value := range before {
		if _, found := after[key]; found {
			kept[key] = value
		}
	}
	return kept
}

// without is what is left of live when ours is taken out of it and what it overwrote is put back.
func without(live, ours, overwritten map[string]string) map[string]string {
	left := map[string]string{}
	for key, value := range live {
		if _, found := ours[key]; !found {
			left[key] = value
		}
	}
	maps.Copy(left, overwritten)
	return left
}
