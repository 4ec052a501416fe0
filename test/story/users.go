//go:build linux

package story

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// UserRoute are a Service and what leads to it by the app's provider, as users have them before they have a Canary.
// The Service is the first.
func (a App) UserRoute() []client.Object {
	service := &corev1.Service{ObjectMeta: a.meta(), Spec: corev1.ServiceSpec{
		Selector: map[string]string{"app": Name},
		Ports:    []corev1.ServicePort{{Name: "http", Port: servicePort, TargetPort: intstr.FromInt32(port)}},
	}}
	return append([]client.Object{service}, a.provider().users(a)...)
}

func (a App) httpRoute() client.Object {
	backend := gatewayv1.BackendObjectReference{Name: Name, Port: ptr.To(gatewayv1.PortNumber(servicePort))}
	return &gatewayv1.HTTPRoute{ObjectMeta: a.meta(), Spec: gatewayv1.HTTPRouteSpec{
		CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: []gatewayv1.ParentReference{labGateway()}},
		Hostnames:       []gatewayv1.Hostname{gatewayv1.Hostname(publicHost(a))},
		Rules: []gatewayv1.HTTPRouteRule{{
			BackendRefs: []gatewayv1.HTTPBackendRef{{BackendRef: gatewayv1.BackendRef{BackendObjectReference: backend}}},
		}},
	}}
}

// traefikRoute is an IngressRoute, which the operator does not touch, and the TraefikService that it leads to.
func (a App) traefikRoute() []client.Object {
	const version = "traefik.io/v1alpha1"
	return []client.Object{
		a.untyped(version, "TraefikService", map[string]any{"weighted": map[string]any{
			"services": []any{map[string]any{"name": Name, "port": int64(servicePort), "weight": int64(1)}},
		}}),
		a.untyped(version, "IngressRoute", map[string]any{
			"entryPoints": []any{"web"},
			"routes": []any{map[string]any{
				"kind": "Rule", "match": fmt.Sprintf("Host(`%s`)", publicHost(a)),
				"services": []any{map[string]any{"kind": "TraefikService", "name": Name}},
			}},
		}),
	}
}

func (a App) ingress() client.Object {
	backend := networkingv1.IngressServiceBackend{Name: Name, Port: networkingv1.ServiceBackendPort{Number: servicePort}}
	path := networkingv1.HTTPIngressPath{
		Path: "/", PathType: ptr.To(networkingv1.PathTypePrefix), Backend: networkingv1.IngressBackend{Service: &backend},
	}
	return &networkingv1.Ingress{ObjectMeta: a.meta(), Spec: networkingv1.IngressSpec{
		IngressClassName: ptr.To("nginx"),
		Rules: []networkingv1.IngressRule{{Host: publicHost(a), IngressRuleValue: networkingv1.IngressRuleValue{
			HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{path}},
		}}},
	}}
}

func (a App) apisixRoute() client.Object {
	return a.untyped("apisix.apache.org/v2", "ApisixRoute", map[string]any{"http": []any{map[string]any{
		"name":     "all",
		"match":    map[string]any{"hosts": []any{publicHost(a)}, "paths": []any{"/*"}},
		"backends": []any{map[string]any{"serviceName": Name, "servicePort": int64(servicePort)}},
		"plugins":  []any{map[string]any{"name": "prometheus", "enable": true, "config": map[string]any{"prefer_name": true}}},
	}}})
}
