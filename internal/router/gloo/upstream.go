package gloo

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/router"
)

// copied are the fields of the spec that the Upstreams take over from spec.upstreamRef.
var copied = []string{
	"sslConfig", "circuitBreakers", "connectionConfig", "loadBalancerConfig", "useHttp2",
	"initialStreamWindowSize", "initialConnectionWindowSize", "httpProxyHostname",
}

// upstream makes the Upstream of a side, whose Service has the selector, with what is copied from config, the object of
// spec.upstreamRef or nil; whose the object is, is not its matter. Discovery adds to the part spec.kube, so it is not
// ours alone.
func upstream(c *v1beta1.Canary, s side, selector map[string]string, config *unstructured.Unstructured, labelPrefixes []string) kube.Manifest {
	service := map[string]any{"serviceName": s.service, "serviceNamespace": c.Namespace, "servicePort": portOf(c)}
	if len(selector) > 0 {
		pods := map[string]any{}
		for key, value := range selector {
			pods[key] = value
		}
		service["selector"] = pods
	}
	spec := map[string]any{"kube": service}
	object := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	object.SetGroupVersionKind(upstreamKind)
	object.SetNamespace(c.Namespace)
	object.SetName(s.upstream)
	object.SetAnnotations(kube.Guarded(nil))
	whole := []string{"spec.kube.selector"}
	if config != nil {
		if labels := kube.WithoutTracking(kube.Inherited(config.GetLabels(), labelPrefixes)); len(labels) > 0 {
			object.SetLabels(labels)
		}
		for _, field := range copied {
			if value, found, _ := unstructured.NestedFieldNoCopy(config.Object, "spec", field); found {
				spec[field] = runtime.DeepCopyJSONValue(value)
			}
			whole = append(whole, "spec."+field)
		}
	}
	return kube.Manifest{Object: object, Whole: whole}
}

// refuse says why live, the Upstream of a side's name, which is not claimed for c, is not a Flagger's either.
func refuse(c *v1beta1.Canary, s side, live *unstructured.Unstructured) error {
	if err := router.Uncontrolled(live); err != nil {
		return err
	}
	name, _, _ := unstructured.NestedString(live.Object, "spec", "kube", "serviceName")
	namespace, _, _ := unstructured.NestedString(live.Object, "spec", "kube", "serviceNamespace")
	if name != s.service || namespace != c.Namespace || !router.IsUnclaimed(live) {
		return router.Foreign(live, "exists and was not made for Service %s of this canary", s.service)
	}
	return nil
}
