//go:build linux

package story

import (
	"fmt"
	"strconv"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/lab"
)

// Provider is who divides an app's traffic between its primary and its canary.
type Provider struct {
	// object is the name of the object that the operator writes the weights to, and list lists its kind.
	object string
	list   func() client.ObjectList
	// weight is the canary's percentage in that object.
	weight func(client.Object) int
	// users makes the objects that lead users to the app's Service before there is a Canary.
	users func(App) []client.Object
	// choose makes a Canary one of this provider.
	choose func(App, *v1beta1.CanarySpec)
	// host is the name that users call the app by, and door where they do.
	host func(App) string
	door door
}

// door is a proxy of the lab.
type door int

const (
	gatewayDoor door = iota // Traefik
	standinDoor             // our own proxy, which stands in for others
)

// The providers. GatewayAPI, TraefikService and Nginx are served by Traefik, APISIX and Linkerd by the lab's stand-in.
var (
	// GatewayAPI is the operator's provider where a Canary names none.
	GatewayAPI = &Provider{
		object: Name,
		list:   func() client.ObjectList { return &gatewayv1.HTTPRouteList{} },
		weight: weightInHTTPRoute,
		users:  func(a App) []client.Object { return []client.Object{a.httpRoute()} },
		choose: func(a App, spec *v1beta1.CanarySpec) {
			spec.Service.Hosts = []string{publicHost(a)}
			spec.Service.GatewayRefs = []gatewayv1.ParentReference{labGateway()}
		},
		host: publicHost,
	}
	// TraefikService is Traefik's own way to divide traffic, by an object that the user's IngressRoute leads to.
	TraefikService = &Provider{
		object: Name,
		list:   listOf("traefik.io/v1alpha1", "TraefikService"),
		weight: weightIn("name", "spec", "weighted", "services"),
		users:  App.traefikRoute,
		choose: func(_ App, spec *v1beta1.CanarySpec) { spec.Provider = "traefik" },
		host:   publicHost,
	}
	// Nginx are the canary annotations of ingress-nginx, as Traefik reads them. It does not count requests under the
	// names of ingress-nginx's metrics, so the pods' own are asked for.
	Nginx = &Provider{
		object: Name + "-canary",
		list:   func() client.ObjectList { return &networkingv1.IngressList{} },
		weight: weightInAnnotation,
		users:  func(a App) []client.Object { return []client.Object{a.ingress()} },
		choose: func(_ App, spec *v1beta1.CanarySpec) {
			spec.Provider = "nginx"
			spec.IngressRef = &v1beta1.LocalObjectReference{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Name: Name}
			spec.Analysis.Metrics = []v1beta1.CanaryMetric{{
				Name: "pods-success-rate", Interval: "10s", Query: podsSuccessRate,
				ThresholdRange: &v1beta1.CanaryThresholdRange{Min: ptr.To(99.0)},
			}}
		},
		host: publicHost,
	}
	// APISIX divides by a second ApisixRoute beside the user's.
	APISIX = &Provider{
		object: Name + "-" + Name + "-canary",
		list:   listOf("apisix.apache.org/v2", "ApisixRoute"),
		weight: weightInApisixRoute,
		users:  func(a App) []client.Object { return []client.Object{a.apisixRoute()} },
		choose: func(_ App, spec *v1beta1.CanarySpec) {
			spec.Provider = "apisix"
			spec.RouteRef = &v1beta1.LocalObjectReference{APIVersion: "apisix.apache.org/v2", Kind: "ApisixRoute", Name: Name}
		},
		host: publicHost,
		door: standinDoor,
	}
	// Linkerd divides what pods in the mesh send to the app's Service, by a TrafficSplit.
	Linkerd = &Provider{
		object: Name,
		list:   listOf("split.smi-spec.io/v1alpha1", "TrafficSplit"),
		weight: weightIn("service", "spec", "backends"),
		users:  func(App) []client.Object { return nil },
		choose: func(_ App, spec *v1beta1.CanarySpec) { spec.Provider = "linkerd" },
		host:   func(a App) string { return Name + "." + a.Namespace },
		door:   standinDoor,
	}
)

// podsSuccessRate is the percentage of the answers of a canary's pods that were no server errors.
const podsSuccessRate = `
sum(rate(http_request_duration_seconds_count{kubernetes_namespace="{{ namespace }}",
  kubernetes_pod_name=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)", status!~"5.*"}[{{ interval }}]))
/
sum(rate(http_request_duration_seconds_count{kubernetes_namespace="{{ namespace }}",
  kubernetes_pod_name=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"}[{{ interval }}])) * 100`

func publicHost(a App) string { return a.Namespace + ".example.com" }

// labGateway is the lab's Gateway.
func labGateway() gatewayv1.ParentReference {
	return gatewayv1.ParentReference{Name: lab.GatewayName, Namespace: ptr.To(gatewayv1.Namespace(lab.GatewayNamespace))}
}

// provider is the app's.
func (a App) provider() *Provider {
	if a.Provider == nil {
		return GatewayAPI
	}
	return a.Provider
}

// Serves tells whether the lab has the provider's kinds.
func (s *Stage) Serves(p *Provider) (bool, error) {
	list, err := s.Client.GroupVersionKindFor(p.list())
	if err != nil {
		return false, fmt.Errorf("name the kind of %s: %w", p.object, err)
	}
	kind := schema.GroupKind{Group: list.Group, Kind: strings.TrimSuffix(list.Kind, "List")}
	_, err = s.Client.RESTMapper().RESTMapping(kind, list.Version)
	if meta.IsNoMatchError(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for %s: %w", kind, err)
	}
	return true, nil
}

// url is where an app's users send their requests.
func (s *Stage) url(a App) string {
	if a.provider().door == standinDoor {
		return s.StandIn
	}
	return s.Gateway
}

// listOf makes empty lists of a kind.
func listOf(version, kind string) func() client.ObjectList {
	return func() client.ObjectList {
		list := &unstructured.UnstructuredList{}
		list.SetAPIVersion(version)
		list.SetKind(kind + "List")
		return list
	}
}

// untyped makes an object of the app's name.
func (a App) untyped(version, kind string, spec map[string]any) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	object.SetAPIVersion(version)
	object.SetKind(kind)
	object.SetNamespace(a.Namespace)
	object.SetName(Name)
	return object
}

func (a App) meta() metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: a.Namespace, Name: Name} }

// weightInHTTPRoute is the weight of the canary's Service in a route's last rule, the one that all users meet.
func weightInHTTPRoute(object client.Object) int {
	route, ok := object.(*gatewayv1.HTTPRoute)
	if !ok || len(route.Spec.Rules) == 0 {
		return 0
	}
	for _, backend := range route.Spec.Rules[len(route.Spec.Rules)-1].BackendRefs {
		if backend.Name == canary {
			return int(ptr.Deref(backend.Weight, 1))
		}
	}
	return 0
}

func weightInAnnotation(object client.Object) int {
	return percent(object.GetAnnotations()["nginx.ingress.kubernetes.io/canary-weight"])
}

// weightIn reads the weight of the canary's Service in the list at a path, whose elements name their Services in field.
func weightIn(field string, path ...string) func(client.Object) int {
	return func(object client.Object) int {
		from, ok := object.(*unstructured.Unstructured)
		if !ok {
			return 0
		}
		list, _, _ := unstructured.NestedSlice(from.Object, path...) // none is no weight
		return weightAmong(list, field)
	}
}

// weightInApisixRoute is that of the first rule; all have the same.
func weightInApisixRoute(object client.Object) int {
	from, ok := object.(*unstructured.Unstructured)
	if !ok {
		return 0
	}
	rules, _, _ := unstructured.NestedSlice(from.Object, "spec", "http") // none is no weight
	if len(rules) == 0 {
		return 0
	}
	rule, _ := rules[0].(map[string]any)
	backends, _ := rule["backends"].([]any)
	return weightAmong(backends, "serviceName")
}

func weightAmong(backends []any, field string) int {
	for _, item := range backends {
		if backend, ok := item.(map[string]any); ok && backend[field] == canary {
			return percent(fmt.Sprint(backend["weight"]))
		}
	}
	return 0
}

// percent reads a weight; what is none counts as nothing.
func percent(text string) int {
	weight, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return weight
}
