package kuma

import (
	"cmp"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// meshAnnotation is where a canary names its mesh.
const meshAnnotation = "kuma.io/mesh"

// defaultMesh is Kuma's for whatever names none.
const defaultMesh = "default"

// plainName is the name that the canary's TrafficRoute has unless another's has it.
func plainName(c *v1beta1.Canary) string { return router.ObjectName(c) }

// fullName is the name for the other case. Neither of its parts can contain a dot, so no two canaries share it.
func fullName(c *v1beta1.Canary) string { return router.ObjectName(c) + "." + c.Namespace }

// mesh is the canary's.
func mesh(c *v1beta1.Canary) string { return cmp.Or(c.Annotations[meshAnnotation], defaultMesh) }

// meshOf is the mesh that route is in.
func meshOf(route *unstructured.Unstructured) string {
	name, _, _ := unstructured.NestedString(route.Object, "mesh")
	return cmp.Or(name, defaultMesh)
}

// tag is what Kuma calls a Service of the canary's namespace at the canary's port.
func tag(c *v1beta1.Canary, service string) string {
	return fmt.Sprintf("%s%d", tagPrefix(c, service), int64(c.Spec.Service.Port))
}

// tagPrefix is what the tag of a Service begins with, whatever its port.
func tagPrefix(c *v1beta1.Canary, service string) string {
	return service + "_" + c.Namespace + "_svc_"
}

// isFor says whether tag is that of the Service, at any port.
func isFor(c *v1beta1.Canary, tag, service string) bool {
	return strings.HasPrefix(tag, tagPrefix(c, service))
}
