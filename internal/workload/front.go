package workload

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
)

// role says which claims a Service may have that is not ours.
type role int

const (
	// side is the primary's or the canary's: nobody but us makes one.
	side role = iota
	// apex is the one that users call, and may have made before the canary.
	apex
)

// front is what tells the three Services of a canary apart.
type front struct {
	role     role
	name     string
	selects  string // value of the label of the pods behind it
	metadata *v1beta1.CustomMetadata
}

// service is the Service as it is created.
func (f front) service(c *v1beta1.Canary, target view, l label) *corev1.Service {
	spec := c.Spec.Service
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Name:            f.name,
			Namespace:       c.Namespace,
			Labels:          map[string]string{},
			OwnerReferences: []metav1.OwnerReference{kube.OwnerReference(c)},
		},
		Spec: corev1.ServiceSpec{
			Type:     corev1.ServiceTypeClusterIP,
			Selector: map[string]string{l.key: f.selects},
			Ports:    servicePorts(spec, target.template.Spec),
		},
	}
	var annotations map[string]string
	if f.metadata != nil {
		maps.Copy(service.Labels, f.metadata.Labels)
		annotations = f.metadata.Annotations
	}
	service.Labels[l.key] = f.name
	service.Annotations = kube.Guarded(annotations)
	if spec.Headless {
		service.Spec.ClusterIP = corev1.ClusterIPNone
	}
	if spec.TrafficDistribution != "" {
		service.Spec.TrafficDistribution = &spec.TrafficDistribution
	}
	return service
}

// enforce is live, which is ours, with the ports, the selector and the metadata of want. Live values of the keys that
// the user keeps to others stay.
func enforce(live, want *corev1.Service, unmanaged *v1beta1.UnmanagedMetadata) *corev1.Service {
	next := live.DeepCopy()
	next.Spec.Selector = want.Spec.Selector
	next.Spec.Ports = mergePorts(live, want)
	if want.Spec.TrafficDistribution != nil {
		next.Spec.TrafficDistribution = want.Spec.TrafficDistribution
	}
	if unmanaged == nil {
		unmanaged = &v1beta1.UnmanagedMetadata{}
	}
	next.Labels = mergeMetadata(live.Labels, want.Labels, unmanaged.Labels)
	next.Annotations = mergeMetadata(live.Annotations, want.Annotations, unmanaged.Annotations)
	return next
}

// adopt is live, which is the user's, with the ports and the selector of want and, if these differ, the guards.
func adopt(live, want *corev1.Service) *corev1.Service {
	next := live.DeepCopy()
	next.Spec.Selector = want.Spec.Selector
	next.Spec.Ports = mergePorts(live, want)
	if !equality.Semantic.DeepEqual(live.Spec, next.Spec) {
		next.Annotations = kube.Guarded(live.Annotations)
	}
	return next
}

// mergePorts are the ports of want with the node ports that live has under the same names, or the very ports of live
// if they differ in their order alone.
func mergePorts(live, want *corev1.Service) []corev1.ServicePort {
	ports := slices.Clone(want.Spec.Ports)
	for i := range ports {
		for _, present := range live.Spec.Ports {
			if present.Name == ports[i].Name {
				ports[i].NodePort = present.NodePort
			}
		}
	}
	present := slices.Clone(live.Spec.Ports)
	sortPorts(present)
	if equality.Semantic.DeepEqual(present, ports) {
		return live.Spec.Ports
	}
	return ports
}

// mergeMetadata is want, with live's values for the unmanaged keys that live has.
func mergeMetadata(live, want map[string]string, unmanaged []string) map[string]string {
	merged := maps.Clone(want)
	for _, key := range unmanaged {
		if value, found := live[key]; found {
			merged[key] = value
		}
	}
	return merged
}
