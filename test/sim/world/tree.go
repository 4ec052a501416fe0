package world

import (
	"reflect"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
)

// The kinds of this world.
var (
	canaryKind     = v1beta1.GroupVersion.WithKind(v1beta1.CanaryKind)
	deploymentKind = appsv1.SchemeGroupVersion.WithKind("Deployment")
	serviceKind    = corev1.SchemeGroupVersion.WithKind("Service")
	configMapKind  = corev1.SchemeGroupVersion.WithKind("ConfigMap")
	secretKind     = corev1.SchemeGroupVersion.WithKind("Secret")
	routeKind      = kindOf{Group: gatewayv1.GroupName, Version: "v1", Kind: "HTTPRoute"}
	scalerKind     = autoscalingv2.SchemeGroupVersion.WithKind("HorizontalPodAutoscaler")
)

// scheme has the Go types of all kinds.
var scheme = func() *runtime.Scheme {
	s := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(s))
	utilruntime.Must(v1beta1.AddToScheme(s))
	utilruntime.Must(gatewayv1.Install(s))
	return s
}()

// tree is an object as JSON; nil is no object.
type tree = map[string]any

// at follows a path of fields down a tree; nil where it ends early.
func at(t tree, path ...string) any {
	var value any = t
	for _, field := range path {
		object, ok := value.(tree)
		if !ok {
			return nil
		}
		value = object[field]
	}
	return value
}

func text(t tree, path ...string) string {
	value, _ := at(t, path...).(string)
	return value
}

func number(t tree, path ...string) int {
	value, _ := at(t, path...).(int64)
	return int(value)
}

func list(t tree, path ...string) []any {
	value, _ := at(t, path...).([]any)
	return value
}

// condition returns the condition of a type in a list of them, nil for none.
func condition(conditions []any, kind string) tree {
	for _, entry := range conditions {
		if c, ok := entry.(tree); ok && c["type"] == kind {
			return c
		}
	}
	return nil
}

// firstContainer of a Deployment's template.
func firstContainer(deployment tree) tree {
	containers := list(deployment, "spec", "template", "spec", "containers")
	if len(containers) == 0 {
		return nil
	}
	container, _ := containers[0].(tree)
	return container
}

// image is the image of a Deployment's pods.
func image(deployment tree) string { return text(firstContainer(deployment), "image") }

// same compares two parts of objects.
func same(a, b any) bool { return reflect.DeepEqual(a, b) }
