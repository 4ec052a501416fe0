package standin

import (
	"os"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"flagger.app/flagger/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

func named(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "test", Name: name}
}

// at is port 80 of a Service.
func at(service string) servicePort { return servicePort{service: named(service), port: "80"} }

func service(name string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: name},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 80}}},
	}
}

// slice has one pod of a Service, at 127.0.0.1.
func slice(service, pod string, port int32) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "test", Name: service + "-1", Labels: map[string]string{discoveryv1.LabelServiceName: service},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: ptr.To("http"), Port: ptr.To(port)}},
		Endpoints: []discoveryv1.Endpoint{{
			Addresses: []string{"127.0.0.1"}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: pod},
		}},
	}
}

// object is one of the namespace with a spec.
func object(version, kind, name string, spec map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	o.SetAPIVersion(version)
	o.SetKind(kind)
	o.SetNamespace("test")
	o.SetName(name)
	return o
}

func apisixRoute(name string, rules ...any) *unstructured.Unstructured {
	return object("apisix.apache.org/v2", "ApisixRoute", name, map[string]any{"http": rules})
}

// lead is a rule for shop.example.com.
func lead(name, path string, priority int64, backends ...any) map[string]any {
	return map[string]any{
		"name": name, "priority": priority, "backends": backends,
		"match": map[string]any{"hosts": []any{"shop.example.com"}, "paths": []any{path}},
	}
}

func apisixBackend(service string, weight int64) map[string]any {
	return map[string]any{"serviceName": service, "servicePort": int64(80), "weight": weight}
}

func trafficSplit(root string, backends ...any) *unstructured.Unstructured {
	return object("split.smi-spec.io/v1alpha1", "TrafficSplit", root, map[string]any{"service": root, "backends": backends})
}

func splitBackend(service string, weight any) map[string]any {
	return map[string]any{"service": service, "weight": weight}
}
