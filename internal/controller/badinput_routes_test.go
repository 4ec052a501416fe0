package controller

import (
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/apisix"
	"flagger.app/flagger/internal/router/nginx"
	"flagger.app/flagger/internal/router/routertest"
	"flagger.app/flagger/internal/testkit"
)

// badRoutes are mistakes about a user's own routing object, which a provider copies.
var badRoutes = map[string]badInput{
	"IngressUnnamed": {
		reason: "Nobody guesses which one is meant.", operator: toIngress,
		arrange: func(w *world) { w.apply(ingress("shop", testkit.App)) },
		wrong:   `{spec: {provider: nginx}}`,
		says:    []string{"spec.ingressRef", "ingress selector is empty"},
		mend:    toShop,
	},
	"IngressMissing": {
		reason: "It may yet come.", operator: toIngress, wrong: toShop,
		says:    []string{"spec.ingressRef", "ingress shop.ns", "not found"},
		mending: func(w *world) { w.apply(ingress("shop", testkit.App)) },
	},
	"IngressWithoutTheService": {
		reason: "A copy that leads elsewhere divides nothing.", operator: toIngress, wrong: toShop,
		arrange: func(w *world) { w.apply(ingress("shop", "other")) },
		says:    []string{"shop", "web"},
		mending: func(w *world) {
			w.remove(ingress("shop", "other"))
			w.apply(ingress("shop", testkit.App))
		},
	},
	"IngressOfSomebodyElse": {
		reason: "What has the copy's name is not overwritten.", operator: toIngress, wrong: toShop,
		arrange: func(w *world) { w.apply(ingress("shop", testkit.App), ingress("shop-canary", "theirs")) },
		says:    []string{"ingress shop-canary.ns", "spec.ingressRef", "belongs to somebody else"},
		mending: func(w *world) { w.remove(ingress("shop-canary", "theirs")) },
	},
	"RouteUnnamed": {
		reason: "Nobody guesses which one is meant.", operator: toApisix, wrong: `{spec: {provider: apisix}}`,
		arrange: func(w *world) { w.apply(apisixRoute("shop", testkit.App)) },
		says:    []string{"spec.routeRef", "apisix route selector is empty"},
		mend:    toShopRoute,
	},
	"RouteMissing": {
		reason: "It may yet come.", operator: toApisix, wrong: toShopRoute,
		says:    []string{"spec.routeRef", "APISIX route shop.ns", "not found"},
		mending: func(w *world) { w.apply(apisixRoute("shop", testkit.App)) },
	},
	"RouteWithoutTheService": {
		reason: "A copy that leads elsewhere divides nothing.", operator: toApisix, wrong: toShopRoute,
		arrange: func(w *world) { w.apply(apisixRoute("shop", "other")) },
		says:    []string{"spec.routeRef", "shop", "web"},
		mending: func(w *world) {
			w.remove(apisixRoute("shop", "other"))
			w.apply(apisixRoute("shop", testkit.App))
		},
	},
	"RouteCopyOfSomebodyElse": {
		reason: "What has the copy's name is not overwritten.", operator: toApisix, wrong: toShopRoute,
		arrange: func(w *world) { w.apply(apisixRoute("shop", testkit.App), apisixRoute("shop-web-canary", "theirs")) },
		says:    []string{"ApisixRoute shop-web-canary.ns", "spec.routeRef", "belongs to somebody else"},
		mending: func(w *world) { w.remove(apisixRoute("shop-web-canary", "theirs")) },
	},
}

// toShopRoute names the ApisixRoute shop.
const toShopRoute = `{spec: {provider: apisix, routeRef: {apiVersion: apisix.apache.org/v2, kind: ApisixRoute, name: shop}}}`

// toApisix makes the real router of APISIX the operator's only one, with the project's own CRD.
func toApisix(w *world) {
	testkit.StartAPIServer(w.T, routertest.CRD(w.T, "apisix_apisixroutes.yaml"))
	w.options.Routers = router.NewRegistry([]router.Row{apisix.Row()})
	w.options.MeshProvider = "apisix"
}

// apisixRoute leads to one Service.
func apisixRoute(name, service string) *unstructured.Unstructured {
	route := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"http": []any{map[string]any{
		"name":     "all",
		"match":    map[string]any{"paths": []any{"/*"}},
		"backends": []any{map[string]any{"serviceName": service, "servicePort": int64(80)}},
	}}}}}
	route.SetAPIVersion("apisix.apache.org/v2")
	route.SetKind("ApisixRoute")
	route.SetName(name)
	return route
}

// toShop names the Ingress shop.
const toShop = `{spec: {provider: nginx, ingressRef: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: shop}}}`

// toIngress makes the real router of ingress-nginx the operator's only one.
func toIngress(w *world) {
	w.options.Routers = router.NewRegistry([]router.Row{nginx.Row("nginx.ingress.kubernetes.io")})
	w.options.MeshProvider = "nginx"
}

// ingress leads to one Service.
func ingress(name, service string) *networkingv1.Ingress {
	prefix := networkingv1.PathTypePrefix
	return &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: networkingv1.IngressSpec{Rules: []networkingv1.IngressRule{{
			IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
				Paths: []networkingv1.HTTPIngressPath{{
					Path: "/", PathType: &prefix,
					Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
						Name: service, Port: networkingv1.ServiceBackendPort{Number: 80},
					}},
				}},
			}},
		}}},
	}
}
