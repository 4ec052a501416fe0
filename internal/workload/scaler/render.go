package scaler

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
)

// suffix makes a name of the primary's from one of the target's.
const suffix = "-primary"

// primaryScaler is the name of the primary's autoscaler.
func primaryScaler(c *v1beta1.Canary) string { return c.Spec.AutoscalerRef.Name + suffix }

// render is the primary's autoscaler as the target's asks for it, on top of live where there is one. It leaves both as
// they are.
func (k kind) render(c *v1beta1.Canary, target, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	primary := &unstructured.Unstructured{Object: map[string]any{}}
	if live != nil {
		primary = live.DeepCopy()
	} else {
		primary.SetGroupVersionKind(k.gvk)
		primary.SetName(primaryScaler(c))
		primary.SetNamespace(c.Namespace)
		primary.SetOwnerReferences([]metav1.OwnerReference{kube.OwnerReference(c)})
	}
	primary.SetLabels(keep(target.GetLabels(), isPortable))
	primary.SetAnnotations(k.annotate(target.GetAnnotations(), primary.GetAnnotations()))
	primary.Object["spec"] = target.DeepCopy().Object["spec"]
	if err := unstructured.SetNestedField(primary.Object, c.Spec.TargetRef.Name+suffix, "spec", "scaleTargetRef", "name"); err != nil {
		return nil, err
	}
	if err := k.bound(c.Spec.AutoscalerRef.PrimaryScalerReplicas, primary); err != nil {
		return nil, err
	}
	return primary, k.adapt(c, primary)
}

// bound sets the bounds that the canary has of its own.
func (k kind) bound(bounds *v1beta1.ScalerReplicas, primary *unstructured.Unstructured) error {
	if bounds == nil {
		return nil
	}
	for field, count := range map[string]*int32{k.least: bounds.MinReplicas, k.most: bounds.MaxReplicas} {
		if count == nil {
			continue
		}
		if err := unstructured.SetNestedField(primary.Object, int64(*count), "spec", field); err != nil {
			return err
		}
	}
	return nil
}

// isPortable says whether a label or annotation may be on the copy as well: not if Flux put it on what it delivered.
func isPortable(key string) bool { return !strings.Contains(key, "toolkit.fluxcd.io") }

// keep returns the entries of metadata whose key passes; nil for none, as the API server stores no empty map.
func keep(metadata map[string]string, passes func(key string) bool) map[string]string {
	var kept map[string]string
	for key, value := range metadata {
		if !passes(key) {
			continue
		}
		if kept == nil {
			kept = make(map[string]string, len(metadata))
		}
		kept[key] = value
	}
	return kept
}
