package appmesh

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

var oldDialect = dialect{
	target:     func(node string) map[string]any { return map[string]any{"virtualNodeName": node} },
	node:       namedNode,
	tryTimeout: func(milliseconds int64) (string, any) { return "perRetryTimeoutMillis", milliseconds },
}

// namedNode is the VirtualNode of the canary's namespace that target names, by itself or with the namespace, or "".
func namedNode(c *v1beta1.Canary, target map[string]any) string {
	full, _, _ := unstructured.NestedString(target, "virtualNodeName")
	name, namespace, qualified := strings.Cut(full, ".")
	if qualified && namespace != c.Namespace {
		return ""
	}
	return name
}

// hostOf is the name of the VirtualService that clients call as a Service.
func hostOf(c *v1beta1.Canary, service string) string { return service + "." + c.Namespace }

func hostOfApex(c *v1beta1.Canary) string { return hostOf(c, router.ObjectName(c)) }

// oldPieces are those of v1beta1: for the apex and for each side a VirtualNode, for the apex and for the canary alone a
// VirtualService with a router of its own. The apex's VirtualNode is that of the primary under the name by which pods
// of the target's refer to theirs unless they are told otherwise.
func oldPieces(c *v1beta1.Canary, s sheet) []piece {
	apex, canary := router.ObjectName(c), canaryNode(c)
	return []piece{
		oldNode(c, s, apex, router.PrimaryService(c), []string{router.ApexService(c)}),
		oldNode(c, s, primaryNode(c), router.PrimaryService(c), nil),
		oldNode(c, s, canary, router.CanaryService(c), nil),
		oldService(c, s, canary, guarded(), oldDialect.canaryRoutes(c, s), nil),
		oldService(c, s, apex, exposed(c), oldDialect.apexRoutes(c, s), []string{apex}),
	}
}

// oldNode is a VirtualNode of the pods behind a Service; a user's may have what theirs names for its Service.
func oldNode(c *v1beta1.Canary, s sheet, name, service string, theirs []string) piece {
	spec := nodeSpec(c, s, listener(s.protocol, s.port), func(backend string) map[string]any {
		return map[string]any{"virtualServiceName": backend}
	})
	spec["meshName"] = s.mesh
	spec["serviceDiscovery"] = map[string]any{"dns": map[string]any{"hostName": hostOf(c, service)}}
	const host = "spec.serviceDiscovery.dns.hostName"
	return piece{
		kind:     gvk(apiV1beta1, kindNode),
		name:     name,
		metadata: router.ApexMetadata(c),
		spec:     spec,
		whole:    []string{"spec.meshName", "spec.listeners", "spec.backends", "spec.logging", host},
		exact:    []string{"metadata.labels"},
		leads:    hostAt(host),
		ours:     []string{service},
		theirs:   theirs,
	}
}

// oldService divides what is called under a name; a user's may lead to what theirs names. It keeps the name of a router
// that is there, as App Mesh would make a new one under another.
func oldService(c *v1beta1.Canary, s sheet, name string, metadata v1beta1.CustomMetadata, routes []any, theirs []string) piece {
	const routerName = "spec.virtualRouter.name"
	return piece{
		kind:     gvk(apiV1beta1, kindService),
		name:     hostOf(c, name),
		metadata: metadata,
		spec: map[string]any{
			"meshName":      s.mesh,
			"virtualRouter": map[string]any{"name": name, "listeners": []any{listener(s.protocol, s.port)}},
			"routes":        routes,
		},
		whole:  []string{"spec.meshName", "spec.virtualRouter", "spec.routes"},
		keeps:  []string{routerName},
		leads:  oldDialect.destinations,
		ours:   []string{primaryNode(c), canaryNode(c)},
		theirs: theirs,
	}
}
