package standin

import (
	"net"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

// servicePort is a port of a Service, by its number or its name.
type servicePort struct {
	service types.NamespacedName
	port    string
}

// endpoint is where a ready pod listens.
type endpoint struct {
	address string // host:port
	pod     string // its name
}

// endpointsOf finds the ready pods behind every port of every Service.
func endpointsOf(services []*corev1.Service, slices []*discoveryv1.EndpointSlice) map[servicePort][]endpoint {
	byService := map[types.NamespacedName][]*discoveryv1.EndpointSlice{}
	for _, slice := range slices {
		key := types.NamespacedName{Namespace: slice.Namespace, Name: slice.Labels[discoveryv1.LabelServiceName]}
		byService[key] = append(byService[key], slice)
	}
	found := map[servicePort][]endpoint{}
	for _, service := range services {
		key := types.NamespacedName{Namespace: service.Namespace, Name: service.Name}
		for _, port := range service.Spec.Ports {
			ready := behind(port.Name, byService[key])
			found[servicePort{service: key, port: strconv.Itoa(int(port.Port))}] = ready
			if port.Name != "" {
				found[servicePort{service: key, port: port.Name}] = ready
			}
		}
	}
	return found
}

// behind are the ready pods of a Service's slices, at its port of that name.
func behind(port string, slices []*discoveryv1.EndpointSlice) []endpoint {
	var ready []endpoint
	for _, slice := range slices {
		for _, p := range slice.Ports {
			if ptr.Deref(p.Name, "") != port || p.Port == nil {
				continue
			}
			for _, e := range slice.Endpoints {
				if len(e.Addresses) == 0 || !ptr.Deref(e.Conditions.Ready, true) {
					continue
				}
				one := endpoint{address: net.JoinHostPort(e.Addresses[0], strconv.Itoa(int(*p.Port)))}
				if e.TargetRef != nil {
					one.pod = e.TargetRef.Name
				}
				ready = append(ready, one)
			}
		}
	}
	return ready
}
