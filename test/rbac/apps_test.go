//go:build linux

package rbac

import (
	"fmt"
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

// app is a target with a canary of its name, which promotes at once unless its Analysis is to be heard.
type app struct {
	canary *v1beta1.Canary
	target client.Object
	// beside is what else its user has.
	beside []client.Object
	// next is a patch of the target that makes a new revision of it; also are its user's other changes then.
	next client.Patch
	also []edit
}

// edit is a change of an object.
type edit struct {
	object client.Object
	patch  client.Patch
}

// newApp is one of a Deployment without a routing object.
func newApp(name string, change ...func(*app)) app {
	a := app{canary: testkit.Canary(testkit.Provider("kubernetes")), target: testkit.Deployment("app:1"), next: newImage("app:2")}
	a.canary.Name, a.canary.Spec.TargetRef.Name = name, name
	a.canary.Spec.SkipAnalysis, a.canary.Spec.RevertOnDeletion = true, true
	for _, c := range change {
		c(&a)
	}
	a.target.SetName(name)
	if pods := template(a.target); pods != nil {
		labels := map[string]string{"app": name}
		pods.Labels = labels
		switch target := a.target.(type) {
		case *appsv1.Deployment:
			target.Spec.Selector.MatchLabels = labels
		case *appsv1.DaemonSet:
			target.Spec.Selector.MatchLabels = labels
		}
	}
	return a
}

func newImage(image string) client.Patch {
	return client.RawPatch(types.StrategicMergePatchType,
		fmt.Appendf(nil, `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":%q}]}}}}`, image))
}

// template is that of the target's pods, nil where it has none.
func template(target client.Object) *corev1.PodTemplateSpec {
	switch target := target.(type) {
	case *appsv1.Deployment:
		return &target.Spec.Template
	case *appsv1.DaemonSet:
		return &target.Spec.Template
	}
	return nil
}

// apps are those of every kind of target, with every kind of autoscaler, and behind every provider.
func apps() []app {
	return append([]app{
		newApp("scaled", func(a *app) {
			scaler := testkit.HorizontalPodAutoscaler(2, 4)
			scaler.Name, scaler.Spec.ScaleTargetRef.Name = "scaled", "scaled"
			a.canary.Spec.AutoscalerRef = &v1beta1.AutoscalerReference{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler", Name: "scaled"}
			a.beside = append(a.beside, scaler, serviceOf("scaled"))
			a.also = append(a.also, edit{scaler, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"maxReplicas":5}}`))})
		}),
		newApp("keda", func(a *app) {
			scaler := testkit.ScaledObject(2, 4)
			scaler.SetName("keda")
			scaler.Object["spec"].(map[string]any)["scaleTargetRef"] = map[string]any{"name": "keda"}
			a.canary.Spec.AutoscalerRef = &v1beta1.AutoscalerReference{APIVersion: "keda.sh/v1alpha1", Kind: "ScaledObject", Name: "keda"}
			a.beside = append(a.beside, scaler)
		}),
		newApp("daemons", func(a *app) {
			a.canary.Spec.TargetRef.Kind = "DaemonSet"
			a.target = testkit.DaemonSet("app:1")
		}),
		newApp("service", behind("istio"), func(a *app) {
			a.canary.Spec.TargetRef.APIVersion, a.canary.Spec.TargetRef.Kind = "v1", "Service"
			a.target = testkit.Service()
			a.next = client.RawPatch(types.MergePatchType, []byte(`{"spec":{"selector":{"version":"2"}}}`))
		}),
		newApp("knative", behind("knative"), func(a *app) {
			a.canary.Spec.TargetRef.APIVersion, a.canary.Spec.TargetRef.Kind = "serving.knative.dev/v1", "Service"
			a.target = untyped("serving.knative.dev/v1/Service", "knative", knative("app:1"))
			a.beside = append(a.beside, untyped("serving.knative.dev/v1/Revision", "knative-00001", nil))
			// A manifest without traffic, as kubectl replace sends it: whether the primary works must be asked of its revision.
			a.next = client.RawPatch(types.MergePatchType,
				[]byte(`{"spec":{"traffic":null,"template":{"spec":{"containers":[{"name":"app","image":"app:2"}]}}}}`))
		}),
	}, routed()...)
}

// routed are apps behind every provider that takes a Deployment; of versions of one provider the newest.
func routed() []app {
	return []app{
		newApp("appmesh", behind("appmesh:v1beta2")),
		newApp("apisix", behind("apisix"), func(a *app) {
			a.canary.Spec.RouteRef = &v1beta1.LocalObjectReference{APIVersion: "apisix.apache.org/v2", Kind: "ApisixRoute", Name: "apisix"}
			a.beside = append(a.beside, apisixRoute())
		}),
		newApp("contour", behind("contour")),
		newApp("gatewayapi", behind("gatewayapi:v1"), func(a *app) {
			a.canary.Spec.Service.Hosts = []string{"gatewayapi.example.com"}
			a.canary.Spec.Service.GatewayRefs = []gatewayv1.ParentReference{{Name: "gateway"}}
		}),
		newApp("gloo", behind("gloo")),
		newApp("istio", behind("istio")),
		newApp("kuma", behind("kuma")),
		newApp("nginx", behind("nginx"), ingressed),
		newApp("skipper", behind("skipper"), ingressed),
		newApp("smi", behind("smi:v1alpha2")),
		newApp("traefik", behind("traefik")),
	}
}

// serviceOf is the Service that leads to the app's pods before there is a canary.
func serviceOf(name string) client.Object {
	service := testkit.Service()
	service.Name, service.Spec.Selector = name, map[string]string{"app": name}
	return service
}

func behind(provider string) func(*app) {
	return func(a *app) { a.canary.Spec.Provider = provider }
}

// ingressed gives the app an Ingress of its user's, which the provider copies.
func ingressed(a *app) {
	name := a.canary.Name
	a.canary.Spec.IngressRef = &v1beta1.LocalObjectReference{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Name: name}
	ingress := &networkingv1.Ingress{Spec: networkingv1.IngressSpec{Rules: []networkingv1.IngressRule{{
		Host: name + ".example.com",
		IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{
			Path: "/", PathType: ptr.To(networkingv1.PathTypePrefix),
			Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
				Name: name, Port: networkingv1.ServiceBackendPort{Number: 80},
			}},
		}}}},
	}}}}
	ingress.Name = name
	a.beside = append(a.beside, ingress)
}

func apisixRoute() client.Object {
	return untyped("apisix.apache.org/v2/ApisixRoute", "apisix", map[string]any{"http": []any{map[string]any{
		"name":     "all",
		"match":    map[string]any{"hosts": []any{"apisix.example.com"}, "paths": []any{"/*"}},
		"backends": []any{map[string]any{"serviceName": "apisix", "servicePort": int64(80)}},
	}}})
}

func knative(image string) map[string]any {
	return map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": "app", "image": image}},
	}}}
}

// untyped is an object of an entry of foreign.
func untyped(entry, name string, spec map[string]any) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{"spec": maps.Clone(spec)}}
	object.SetGroupVersionKind(kindOf(entry))
	object.SetName(name)
	return object
}
