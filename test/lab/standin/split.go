package standin

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// split is a TrafficSplit.
type split struct {
	root     types.NamespacedName
	backends []backend
}

// backend is a Service of a TrafficSplit; it is called at the port at which the root was.
type backend struct {
	service types.NamespacedName
	weight  float64
}

// splitOf reads a TrafficSplit of any version.
func splitOf(object *unstructured.Unstructured) split {
	named := func(service string) types.NamespacedName {
		return types.NamespacedName{Namespace: object.GetNamespace(), Name: service}
	}
	root, _, _ := unstructured.NestedString(object.Object, "spec", "service") // the CRD sees to the types
	read := split{root: named(root)}
	for _, from := range objects(object.Object, "spec", "backends") {
		service, _ := from["service"].(string)
		read.backends = append(read.backends, backend{service: named(service), weight: weightOf(from["weight"])})
	}
	return read
}

// weightOf reads a weight, which is a quantity in the first version of the API and a number in the later ones.
func weightOf(weight any) float64 {
	quantity, err := resource.ParseQuantity(fmt.Sprint(weight))
	if err != nil {
		return 0
	}
	return max(quantity.AsApproximateFloat64(), 0)
}

// serviceOf returns the Service that a name of the cluster's is of, such as podinfo.test or podinfo.test.svc.cluster.local.
func serviceOf(host string) (types.NamespacedName, bool) {
	parts := strings.SplitN(host, ".", 4)
	if len(parts) < 2 || len(parts) > 2 && parts[2] != "svc" {
		return types.NamespacedName{}, false
	}
	return types.NamespacedName{Namespace: parts[1], Name: parts[0]}, true
}
