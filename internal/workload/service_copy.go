package workload

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
)

var serviceKind = corev1.SchemeGroupVersion.WithKind("Service")

// unshared are the fields of a Service's spec that no two Services can have alike: the API server allocates them, or
// they are addresses that send users to this one Service and would be contended for. Cluster IPs and node ports are
// handled apart.
var unshared = []string{"clusterIPs", "externalIPs", "healthCheckNodePort", "loadBalancerIP"}

// portable returns of a Service's spec what another Service can have as well, and leaves its argument as it is. It is
// what is copied and, for nothing else can be, what a revision stands for.
//
// An address counts only where it says that there is none, which makes the Service headless. Of the IP families the
// first is a choice for good; whether there is a second follows from the policy and from the cluster.
func portable(spec map[string]any) map[string]any {
	kept := runtime.DeepCopyJSON(spec)
	for _, field := range unshared {
		delete(kept, field)
	}
	if !isHeadless(spec) {
		delete(kept, "clusterIP")
	}
	if families, ok := kept["ipFamilies"].([]any); ok && len(families) > 1 {
		kept["ipFamilies"] = families[:1]
	}
	if !isExposed(spec) { // it was, by external addresses
		delete(kept, "externalTrafficPolicy")
	}
	ports, _ := kept["ports"].([]any)
	for _, port := range ports {
		if port, ok := port.(map[string]any); ok {
			delete(port, "nodePort")
		}
	}
	return kept
}

func isHeadless(spec map[string]any) bool { return spec["clusterIP"] == corev1.ClusterIPNone }

// isExposed says whether a Service of this type can be called from outside of the cluster.
func isExposed(spec map[string]any) bool {
	return spec["type"] == string(corev1.ServiceTypeNodePort) || spec["type"] == string(corev1.ServiceTypeLoadBalancer)
}

// isAlias says whether a Service is a name for another one and has no addresses.
func isAlias(spec map[string]any) bool { return spec["type"] == string(corev1.ServiceTypeExternalName) }

func specOf(service *unstructured.Unstructured) map[string]any {
	spec, _ := service.Object["spec"].(map[string]any)
	return spec
}

// serviceRevision identifies what can be copied of a Service's spec, as Revision does for pod templates. Fields that
// this program is too old to know do not count: the caches through which changes are seen do not have them.
func serviceRevision(service *unstructured.Unstructured) (string, error) {
	known := &corev1.ServiceSpec{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(specOf(service), known); err != nil {
		return "", fmt.Errorf("compute revision: %w", err)
	}
	spec, err := runtime.DefaultUnstructuredConverter.ToUnstructured(known)
	if err != nil {
		return "", fmt.Errorf("compute revision: %w", err)
	}
	encoded, err := json.Marshal(portable(spec))
	if err != nil {
		return "", fmt.Errorf("compute revision: %w", err)
	}
	tree, err := canonicalJSON(encoded)
	if err != nil {
		return "", fmt.Errorf("compute revision: %w", err)
	}
	if encoded, err = json.Marshal(tree); err != nil {
		return "", fmt.Errorf("compute revision: %w", err)
	}
	sum := sha256.Sum256(encoded)
	return revisionPrefix + hex.EncodeToString(sum[:revisionBytes]), nil
}

// sharedSpec is what the specs of the Service and of its copies have in common, as far as c does not say otherwise.
func sharedSpec(c *v1beta1.Canary, service *unstructured.Unstructured) map[string]any {
	spec := portable(specOf(service))
	if distribution := c.Spec.Service.TrafficDistribution; distribution != "" {
		spec["trafficDistribution"] = distribution
	}
	return spec
}

// copiedFrom is the revision that the primary was copied from: what it says itself or, where Flagger made it, that of
// the target as it is now, if the two agree. It is empty where that cannot be told.
func copiedFrom(c *v1beta1.Canary, primary, target *unstructured.Unstructured, revision string) string {
	if recorded := primary.GetAnnotations()[revisionAnnotation]; Recorded(recorded) {
		return recorded
	}
	if equality.Semantic.DeepEqual(sharedSpec(c, primary), sharedSpec(c, target)) {
		return revision
	}
	return ""
}

// checkCopy returns ErrInvalidTarget if no copy can have the spec, or not the one that has the spec present, nil for
// none. name is the copy's, for the text.
func checkCopy(name string, spec, present map[string]any) error {
	var cause string
	selector, _ := spec["selector"].(map[string]any)
	switch {
	case isAlias(spec):
		return nil
	case len(selector) == 0:
		cause = "spec.selector is empty: whoever gives the target its endpoints gives its copies none"
	case present != nil && !isAlias(present) && isHeadless(spec) != isHeadless(present):
		cause = "spec.clusterIP cannot become None or cease to be: delete this Service, and it is made anew"
	default:
		return nil
	}
	return marked{error: fmt.Errorf("service %s cannot be a copy of its target, %s", name, cause), mark: ErrInvalidTarget}
}

// twin is the copy of target that has the given name; live is that copy as it is, nil for none, and stays so. A new one
// starts with the target's labels and annotations, but for those of the tools that delivered it; one that exists keeps
// its own. It keeps its addresses and node ports too: the API server puts back what it allocated where an update leaves
// that out. The error is ErrInvalidTarget.
func twin(c *v1beta1.Canary, target, live *unstructured.Unstructured, name string) (*unstructured.Unstructured, error) {
	spec := sharedSpec(c, target)
	if families, found := specOf(target)["ipFamilies"]; found { // a second one that is there may not be left out
		spec["ipFamilies"] = runtime.DeepCopyJSONValue(families)
	}
	next := &unstructured.Unstructured{Object: map[string]any{}}
	var present map[string]any
	if live != nil {
		next, present = live.DeepCopy(), specOf(live)
	} else {
		next.SetGroupVersionKind(serviceKind)
		next.SetName(name)
		next.SetNamespace(c.Namespace)
		next.SetOwnerReferences([]metav1.OwnerReference{kube.OwnerReference(c)})
		next.SetLabels(kube.WithoutTracking(target.GetLabels()))
		next.SetAnnotations(kube.WithoutTracking(target.GetAnnotations()))
	}
	// The class cannot change, and whoever runs the load balancers may have chosen it when the copy was made.
	if class, found := present["loadBalancerClass"]; found && spec["type"] == present["type"] && spec["loadBalancerClass"] == nil {
		spec["loadBalancerClass"] = class
	}
	next.Object["spec"] = spec
	return next, checkCopy(name+"."+c.Namespace, spec, present)
}

// canarySide is the twin that follows the target at once, in its metadata too. Live values of the keys that the user
// keeps to others stay.
func canarySide(c *v1beta1.Canary, target, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	next, err := twin(c, target, live, canaryName(c))
	if err != nil {
		return nil, err
	}
	unmanaged := c.Spec.Service.UnmanagedMetadata
	if unmanaged == nil {
		unmanaged = &v1beta1.UnmanagedMetadata{}
	}
	next.SetLabels(mergeMetadata(next.GetLabels(), kube.WithoutTracking(target.GetLabels()), unmanaged.Labels))
	next.SetAnnotations(mergeMetadata(next.GetAnnotations(), kube.WithoutTracking(target.GetAnnotations()), unmanaged.Annotations))
	return next, nil
}

// primarySide is the twin that is copied from the revision that the target carries. Of the metadata it takes over what
// prefixes include.
func primarySide(
	c *v1beta1.Canary, target, live *unstructured.Unstructured, revision string, prefixes []string,
) (*unstructured.Unstructured, error) {
	next, err := twin(c, target, live, primaryName(c))
	if err != nil {
		return nil, err
	}
	annotations := takeOver(next.GetAnnotations(), target.GetAnnotations(), prefixes)
	delete(annotations, lastAppliedAnnotation)
	annotations[revisionAnnotation] = revision
	next.SetAnnotations(annotations)
	next.SetLabels(takeOver(next.GetLabels(), target.GetLabels(), prefixes))
	return next, nil
}

// takeOver is own, where the entries that prefixes include are those of source.
func takeOver(own, source map[string]string, prefixes []string) map[string]string {
	merged := kube.Inherited(source, prefixes)
	stale := kube.Inherited(own, prefixes)
	for key, value := range own {
		if _, found := stale[key]; !found {
			merged[key] = value
		}
	}
	return merged
}

// differs says whether the copy, next, is to be written over live.
func differs(live, next *unstructured.Unstructured) bool {
	return !equality.Semantic.DeepEqual(portable(specOf(live)), portable(specOf(next))) ||
		!maps.Equal(live.GetLabels(), next.GetLabels()) || !maps.Equal(live.GetAnnotations(), next.GetAnnotations())
}
