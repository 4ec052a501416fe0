package smi

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// gatewaysAnnotation tells the adapter to Istio the gateways of the VirtualService that it makes, as a JSON array.
const gatewaysAnnotation = "VirtualService.v1alpha3.networking.istio.io/spec.gateways"

// render makes the TrafficSplit that divides traffic as want says, with the fields that we own and with weights in the
// form of those of live; whose the object is, is not its matter. It changes neither c nor live, which may be nil.
func render(v Variant, c *v1beta1.Canary, live *unstructured.Unstructured, want rollout.Traffic) (*unstructured.Unstructured, error) {
	present, err := backends(live)
	if err != nil {
		return nil, err
	}
	weight := v.form(present)
	sides := []backend{
		{"service": router.CanaryService(c), "weight": weight(want.Canary)},
		{"service": router.PrimaryService(c), "weight": weight(want.Primary)},
	}
	split := &unstructured.Unstructured{Object: map[string]any{}}
	if err := divide(split, v.mesh.root(c), sides); err != nil {
		return nil, err
	}
	split.SetGroupVersionKind(v.kind())
	split.SetNamespace(c.Namespace)
	split.SetName(router.ObjectName(c))
	annotations, err := v.mesh.annotations(c)
	if err != nil {
		return nil, err
	}
	split.SetAnnotations(annotations)
	return split, nil
}

// annotations are those of the TrafficSplit that are ours.
func (m mesh) annotations(c *v1beta1.Canary) (map[string]string, error) {
	annotations := kube.Guarded(nil)
	if m.gateways && len(c.Spec.Service.Gateways) > 0 {
		gateways, err := json.Marshal(c.Spec.Service.Gateways)
		if err != nil {
			return nil, fmt.Errorf("write down the gateways: %w", err)
		}
		annotations[gatewaysAnnotation] = string(gateways)
	}
	return annotations, nil
}
