package nginx

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// textNoBackend is the contract's.
const textNoBackend = "backend %s not found in ingress %s"

// render makes the canary Ingress that divides traffic as want says out of source, the user's. Its fields are all that
// we own; whose the object is, is not its matter. It changes nothing of c or source.
func (d dialect) render(c *v1beta1.Canary, source *unstructured.Unstructured, want rollout.Traffic) (*unstructured.Unstructured, error) {
	chosen, err := condition(c)
	if err != nil {
		return nil, router.InvalidSpec(err)
	}
	spec, found, err := redirect(c, source)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, router.InvalidSpec(fmt.Errorf("spec.ingressRef: "+textNoBackend, router.ApexService(c), source.GetName()))
	}
	ingress := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	ingress.SetGroupVersionKind(kind)
	ingress.SetNamespace(c.Namespace)
	ingress.SetName(canaryIngress(c))
	if labels := kube.WithoutTracking(source.GetLabels()); len(labels) > 0 {
		ingress.SetLabels(labels)
	}
	copied := kube.Guarded(kube.WithoutTracking(source.GetAnnotations()))
	ingress.SetAnnotations(d.reroute(copied, d.routing(chosen, want)))
	return ingress, nil
}

// redirect returns a copy of the spec of source in which every path to the apex Service leads to the canary's, and
// whether there is one.
func redirect(c *v1beta1.Canary, source *unstructured.Unstructured) (spec map[string]any, found bool, err error) {
	spec, _, err = unstructured.NestedMap(source.Object, "spec")
	if err != nil {
		return nil, false, fmt.Errorf("read the spec of ingress %s.%s: %w", source.GetName(), source.GetNamespace(), err)
	}
	for _, service := range services(spec) {
		if service["name"] == router.ApexService(c) {
			service["name"] = router.CanaryService(c)
			found = true
		}
	}
	return spec, found, nil
}

// services are the Services that the paths of an Ingress lead to, as parts of its spec. A rule need not have paths, nor
// a path a Service.
func services(spec map[string]any) []map[string]any {
	var list []map[string]any
	rules, _ := spec["rules"].([]any)
	for _, rule := range rules {
		for _, path := range elements(rule, "http", "paths") {
			object, _ := path.(map[string]any)
			service, _, _ := unstructured.NestedFieldNoCopy(object, "backend", "service")
			if named, ok := service.(map[string]any); ok {
				list = append(list, named)
			}
		}
	}
	return list
}

// elements is the list at a path below object, nil for none.
func elements(object any, path ...string) []any {
	fields, _ := object.(map[string]any)
	value, _, _ := unstructured.NestedFieldNoCopy(fields, path...)
	list, _ := value.([]any)
	return list
}
