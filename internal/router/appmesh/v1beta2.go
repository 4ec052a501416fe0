package appmesh

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

var newDialect = dialect{
	suffix: "Route",
	target: func(node string) map[string]any {
		return map[string]any{"virtualNodeRef": map[string]any{"name": node}}
	},
	node:       referredNode,
	tryTimeout: func(milliseconds int64) (string, any) { return "perRetryTimeout", inMilliseconds(milliseconds) },
}

// referredNode is the VirtualNode of the canary's namespace that target refers to, or "".
func referredNode(c *v1beta1.Canary, target map[string]any) string {
	return nameIn(c, target, "virtualNodeRef")
}

// nameIn is the name that the reference at path is to, if it is to an object of the canary's namespace, else "".
func nameIn(c *v1beta1.Canary, object map[string]any, path ...string) string {
	reference, _, _ := unstructured.NestedStringMap(object, path...)
	if namespace := reference["namespace"]; namespace != "" && namespace != c.Namespace {
		return ""
	}
	return reference["name"]
}

func inMilliseconds(count int64) map[string]any {
	return map[string]any{"unit": "ms", "value": count}
}

// newPieces are those of v1beta2: for each side a VirtualNode, for the apex and for the canary alone a VirtualRouter and
// the VirtualService that leads to it.
func newPieces(c *v1beta1.Canary, s sheet) []piece {
	apex, canary := router.ObjectName(c), canaryNode(c)
	return []piece{
		newNode(c, s, primaryNode(c), router.PrimaryService(c)),
		newNode(c, s, canary, router.CanaryService(c)),
		newRouter(c, s, canary, newDialect.canaryRoutes(c, s), nil),
		newService(canary, guarded(), []string{kindRouter + " " + canary}, nil),
		newRouter(c, s, apex, newDialect.apexRoutes(c, s), []string{apex}),
		newService(apex, exposed(c), nil, []string{kindRouter + " " + apex, kindNode + " " + apex}),
	}
}

// newNode is the VirtualNode of the pods behind a Service.
func newNode(c *v1beta1.Canary, s sheet, name, service string) piece {
	inbound := listener(s.protocol, s.podPort)
	if s.timeout != nil {
		inbound["timeout"] = map[string]any{string(s.protocol): map[string]any{"perRequest": inMilliseconds(s.timeout.Milliseconds())}}
	}
	spec := nodeSpec(c, s, inbound, newBackend)
	spec["serviceDiscovery"] = map[string]any{"dns": map[string]any{"hostname": fmt.Sprintf("%s.%s.svc.cluster.local.", service, c.Namespace)}}
	if selector := s.pods[service]; len(selector) > 0 {
		labels := map[string]any{}
		for key, value := range selector {
			labels[key] = value
		}
		spec["podSelector"] = map[string]any{"matchLabels": labels}
	}
	const host = "spec.serviceDiscovery.dns.hostname"
	return piece{
		kind:     gvk(apiV1beta2, kindNode),
		name:     name,
		metadata: router.ApexMetadata(c),
		spec:     spec,
		whole:    []string{"spec.listeners", "spec.podSelector", "spec.backends", "spec.logging", host},
		exact:    []string{"metadata.labels"},
		leads:    hostAt(host),
		ours:     []string{service},
	}
}

// newBackend refers to a VirtualService that the pods call, by its name or its ARN.
func newBackend(name string) map[string]any {
	if strings.HasPrefix(name, "arn:aws") {
		return map[string]any{"virtualServiceARN": name}
	}
	return map[string]any{"virtualServiceRef": map[string]any{"name": name}}
}

// newRouter divides what is called under its name; a user's may lead to what theirs names.
func newRouter(c *v1beta1.Canary, s sheet, name string, routes []any, theirs []string) piece {
	return piece{
		kind:     gvk(apiV1beta2, kindRouter),
		name:     name,
		metadata: guarded(),
		spec:     map[string]any{"listeners": []any{listener(s.protocol, s.port)}, "routes": routes},
		whole:    []string{"spec.listeners", "spec.routes"},
		leads:    newDialect.destinations,
		ours:     []string{primaryNode(c), canaryNode(c)},
		theirs:   theirs,
	}
}

// newService is the name that clients call; one that was not made for the canary may lead to what ours and theirs name.
func newService(name string, metadata v1beta1.CustomMetadata, ours, theirs []string) piece {
	return piece{
		kind:     gvk(apiV1beta2, kindService),
		name:     name,
		metadata: metadata,
		spec:     map[string]any{"provider": map[string]any{"virtualRouter": map[string]any{"virtualRouterRef": map[string]any{"name": name}}}},
		whole:    []string{"spec.provider"},
		leads:    providers,
		ours:     ours,
		theirs:   theirs,
	}
}

// providers are the kind and name of what the VirtualService live leads to.
func providers(c *v1beta1.Canary, live *unstructured.Unstructured) ([]string, error) {
	provider, found, err := unstructured.NestedMap(live.Object, "spec", "provider")
	if err != nil || !found {
		return nil, err
	}
	node, router := nameIn(c, provider, "virtualNode", "virtualNodeRef"), nameIn(c, provider, "virtualRouter", "virtualRouterRef")
	switch {
	case node != "":
		return []string{kindNode + " " + node}, nil
	case router != "":
		return []string{kindRouter + " " + router}, nil
	}
	return []string{""}, nil // by an ARN, or in another namespace
}
