package testkit

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
)

// App is the name of the canary, the target and the Service that the builders make; namespaces are for the test to
// set.
const App = "web"

const (
	appPort     = 80
	gatewayName = "edge"
)

// CanaryOption changes one thing of a canary under construction.
type CanaryOption func(*v1beta1.Canary)

// Canary is a canary of the Deployment App behind the Gateway API: one step to 50 percent, an interval of 10 s, a
// threshold of 2 failed checks, no hooks and no metrics.
func Canary(options ...CanaryOption) *v1beta1.Canary {
	c := &v1beta1.Canary{
		ObjectMeta: metav1.ObjectMeta{Name: App},
		Spec: v1beta1.CanarySpec{
			Provider:  "gatewayapi:v1",
			TargetRef: v1beta1.LocalObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: App},
			Service: v1beta1.CanaryService{
				Port:        appPort,
				TargetPort:  intstr.FromString("http"),
				GatewayRefs: []gatewayv1.ParentReference{{Name: gatewayName}},
				Hosts:       []string{"web.example.com"},
			},
			Analysis: &v1beta1.CanaryAnalysis{Interval: "10s", Threshold: 2, StepWeights: []v1beta1.Number{50}},
		},
	}
	for _, option := range options {
		option(c)
	}
	return c
}

// Named names the canary itself, not its target.
func Named(name string) CanaryOption { return func(c *v1beta1.Canary) { c.Name = name } }

// Provider sets spec.provider. The provider kubernetes gets no gateways.
func Provider(name string) CanaryOption {
	return func(c *v1beta1.Canary) {
		c.Spec.Provider = name
		if name == "kubernetes" {
			c.Spec.Service.GatewayRefs, c.Spec.Service.Hosts = nil, nil
		}
	}
}

// Steps are the weights of the canary, in percent.
func Steps(weights ...int) CanaryOption {
	return func(c *v1beta1.Canary) {
		c.Spec.Analysis.Iterations, c.Spec.Analysis.StepWeights = 0, nil
		for _, weight := range weights {
			c.Spec.Analysis.StepWeights = append(c.Spec.Analysis.StepWeights, v1beta1.Number(weight))
		}
	}
}

// PromotionSteps is the primary's gain per interval while promoting, in percent.
func PromotionSteps(weight int) CanaryOption {
	return func(c *v1beta1.Canary) { c.Spec.Analysis.StepWeightPromotion = v1beta1.Number(weight) }
}

// Iterations takes the place of steps: Blue/Green, or A/B testing with MatchHeader.
func Iterations(n int) CanaryOption {
	return func(c *v1beta1.Canary) {
		c.Spec.Analysis.Iterations, c.Spec.Analysis.StepWeights = v1beta1.Number(n), nil
	}
}

// MatchHeader makes requests with that header go to the canary.
func MatchHeader(name, value string) CanaryOption {
	return func(c *v1beta1.Canary) {
		c.Spec.Analysis.Match = append(c.Spec.Analysis.Match, istio.HTTPMatchRequest{
			Headers: map[string]istio.StringMatch{name: {Exact: value}},
		})
	}
}

// Mirror copies requests to the canary.
func Mirror() CanaryOption { return func(c *v1beta1.Canary) { c.Spec.Analysis.Mirror = true } }

// Metric adds a check of that name, with an inline query.
func Metric(name string) CanaryOption {
	return func(c *v1beta1.Canary) {
		c.Spec.Analysis.Metrics = append(c.Spec.Analysis.Metrics, v1beta1.CanaryMetric{
			Name: name, Interval: "1m", Query: "vector(1)", ThresholdRange: &v1beta1.CanaryThresholdRange{Max: new(1.0)},
		})
	}
}

// Webhook adds a hook of that type and name; nobody listens at its URL.
func Webhook(kind v1beta1.HookType, name string) CanaryOption {
	return func(c *v1beta1.Canary) {
		c.Spec.Analysis.Webhooks = append(c.Spec.Analysis.Webhooks, v1beta1.CanaryWebhook{
			Type: kind, Name: name, URL: "http://hooks.invalid/" + name,
		})
	}
}

// Affinity pins sessions by the cookies of those names; without a second, to the canary alone.
func Affinity(cookie, primaryCookie string) CanaryOption {
	return func(c *v1beta1.Canary) {
		c.Spec.Analysis.SessionAffinity = &v1beta1.SessionAffinity{
			CookieName: cookie, PrimaryCookieName: primaryCookie, MaxAge: 60,
		}
	}
}

// SkipAnalysis promotes without looking.
func SkipAnalysis() CanaryOption { return func(c *v1beta1.Canary) { c.Spec.SkipAnalysis = true } }

// RevertOnDeletion hands everything back when the canary is deleted.
func RevertOnDeletion() CanaryOption {
	return func(c *v1beta1.Canary) { c.Spec.RevertOnDeletion = true }
}

// Deployment is the target App with two pods of that image, as its user applies it.
func Deployment(image string) *appsv1.Deployment {
	labels := map[string]string{"app": App}
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Name: App, Labels: map[string]string{"app": App}},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(2)),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": App}},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name:  "app",
					Image: image,
					Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
				}}},
			},
		},
	}
}

// Service is the Service App in front of the target, as its user applies it.
func Service() *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Name: App, Labels: map[string]string{"team": "shop"}},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": App},
			Ports:    []corev1.ServicePort{{Name: "http", Port: appPort, TargetPort: intstr.FromString("http")}},
		},
	}
}

// HTTPRoute is the route App to the Service App, as its user applies it.
func HTTPRoute() *gatewayv1.HTTPRoute {
	return &gatewayv1.HTTPRoute{
		TypeMeta:   metav1.TypeMeta{APIVersion: gatewayv1.GroupVersion.String(), Kind: "HTTPRoute"},
		ObjectMeta: metav1.ObjectMeta{Name: App, Labels: map[string]string{"team": "shop"}},
		Spec: gatewayv1.HTTPRouteSpec{
			CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: []gatewayv1.ParentReference{{Name: gatewayName}}},
			Hostnames:       []gatewayv1.Hostname{"web.example.com"},
			Rules: []gatewayv1.HTTPRouteRule{{
				BackendRefs: []gatewayv1.HTTPBackendRef{{BackendRef: gatewayv1.BackendRef{
					BackendObjectReference: gatewayv1.BackendObjectReference{Name: App, Port: new(gatewayv1.PortNumber(appPort))},
				}}},
			}},
		},
	}
}
