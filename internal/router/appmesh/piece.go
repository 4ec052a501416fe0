package appmesh

import (
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
)

// accessLogAnnotation on a canary, with the value enabled, has its proxies log every request.
const accessLogAnnotation = "appmesh.flagger.app/accesslog"

// Annotations of the apex's VirtualService, by which Flagger's gateway for App Mesh finds what it is to expose.
const (
	gatewayExpose  = "gateway.appmesh.k8s.aws/expose"
	gatewayDomain  = "gateway.appmesh.k8s.aws/domain"
	gatewayTimeout = "gateway.appmesh.k8s.aws/timeout"
	gatewayRetries = "gateway.appmesh.k8s.aws/retries"
)

// piece is one of the objects that divide the traffic of a canary together.
type piece struct {
	kind     schema.GroupVersionKind
	name     string
	metadata v1beta1.CustomMetadata
	spec     map[string]any
	// whole are the parts of the spec that are ours alone, exact are further parts that are so in an object made for
	// the canary, and keeps are those in which a live object has its way.
	whole, exact, keeps []string
	// leads is what a live object leads to, by name.
	leads func(c *v1beta1.Canary, live *unstructured.Unstructured) ([]string, error)
	// ours and theirs are what an object that was not made for the canary may lead to: as Flagger left it, or as a
	// user made it before there was a canary.
	ours, theirs []string
}

// sheet is what the pieces are made from.
type sheet struct {
	settings
	want rollout.Traffic
	// pods are the selectors of the Services of the two sides, by the Service's name.
	pods map[string]map[string]string
}

// render makes the object with the fields that we own; live, which may be nil, stays as it is.
func (p piece) render(c *v1beta1.Canary, live *unstructured.Unstructured) *unstructured.Unstructured {
	object := (&unstructured.Unstructured{Object: map[string]any{"spec": p.spec}}).DeepCopy()
	object.SetGroupVersionKind(p.kind)
	object.SetNamespace(c.Namespace)
	object.SetName(p.name)
	if len(p.metadata.Labels) > 0 {
		object.SetLabels(p.metadata.Labels)
	}
	object.SetAnnotations(p.metadata.Annotations)
	for _, path := range p.keeps {
		if kept := value(live, path); kept != nil {
			_ = unstructured.SetNestedField(object.Object, kept, fields(path)...) // it replaces a value of our own
		}
	}
	return object
}

// withdraw takes annotations that the spec asks for no longer off live, which was made for the canary. It returns nil if
// live has none of these.
func (p piece) withdraw(live *unstructured.Unstructured) *unstructured.Unstructured {
	annotations, present := live.GetAnnotations(), len(live.GetAnnotations())
	for _, key := range []string{gatewayExpose, gatewayDomain, gatewayTimeout, gatewayRetries} {
		if _, wanted := p.metadata.Annotations[key]; !wanted {
			delete(annotations, key)
		}
	}
	if len(annotations) == present {
		return nil
	}
	withdrawn := live.DeepCopy()
	withdrawn.SetAnnotations(annotations)
	return withdrawn
}

// value is a copy of what object, which may be nil, has at path, or nil.
func value(object *unstructured.Unstructured, path string) any {
	if object == nil {
		return nil
	}
	found, _, err := unstructured.NestedFieldCopy(object.Object, fields(path)...)
	if err != nil {
		return nil
	}
	return found
}

func fields(path string) []string { return strings.Split(path, ".") }

// guarded is the metadata of objects that have nothing of the apex Service's.
func guarded() v1beta1.CustomMetadata {
	return v1beta1.CustomMetadata{Annotations: kube.Guarded(nil)}
}

// exposed is the metadata of the apex's VirtualService.
func exposed(c *v1beta1.Canary) v1beta1.CustomMetadata {
	metadata, service := guarded(), c.Spec.Service
	if len(service.Hosts) == 0 {
		return metadata
	}
	metadata.Annotations[gatewayExpose] = "true"
	metadata.Annotations[gatewayDomain] = strings.Join(service.Hosts, ",") + ","
	if service.Timeout != "" {
		metadata.Annotations[gatewayTimeout] = service.Timeout
	}
	if service.Retries != nil && service.Retries.Attempts > 0 {
		metadata.Annotations[gatewayRetries] = strconv.Itoa(int(service.Retries.Attempts))
	}
	return metadata
}

// listener of a router or a VirtualNode.
func listener(p protocol, port int64) map[string]any {
	return map[string]any{"portMapping": map[string]any{"port": port, "protocol": string(p)}}
}

// nodeSpec are the fields of a VirtualNode that both versions have. What the pods listen to is inbound, and backend
// refers to a VirtualService that they call.
func nodeSpec(c *v1beta1.Canary, s sheet, inbound map[string]any, backend func(name string) map[string]any) map[string]any {
	spec := map[string]any{"listeners": []any{inbound}}
	var backends []any
	for _, name := range c.Spec.Service.Backends {
		backends = append(backends, map[string]any{"virtualService": backend(name)})
	}
	if len(backends) > 0 {
		spec["backends"] = backends
	}
	if s.accessLog {
		spec["logging"] = map[string]any{"accessLog": map[string]any{"file": map[string]any{"path": "/dev/stdout"}}}
	}
	return spec
}
