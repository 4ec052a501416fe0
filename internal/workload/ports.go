package workload

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"flagger.app/flagger/api/v1beta1"
)

const defaultPortName = "http"

// meshProxies are sidecars whose ports belong to the mesh and not to the application.
var meshProxies = []string{"istio-proxy", "envoy"}

// servicePorts are the ports of every Service of the canary: first the one that the spec names and then, with
// portDiscovery, all others of the pods, sorted by number. Number and protocol, and names, are unique, as a Service
// needs them.
func servicePorts(service v1beta1.CanaryService, pods corev1.PodSpec) []corev1.ServicePort {
	ports := []corev1.ServicePort{mainPort(service)}
	if service.PortDiscovery {
		for _, container := range serving(pods) {
			for i, port := range container.Ports {
				ports = withPort(ports, discovered(container.Name, i, port), service)
			}
		}
	}
	sortPorts(ports[1:])
	return ports
}

func mainPort(service v1beta1.CanaryService) corev1.ServicePort {
	port := corev1.ServicePort{
		Name:       cmp.Or(service.PortName, defaultPortName),
		Protocol:   corev1.ProtocolTCP,
		Port:       int32(service.Port),
		TargetPort: service.TargetPort,
	}
	if hasNoTarget(service) {
		port.TargetPort = intstr.FromInt32(port.Port)
	}
	if service.AppProtocol != "" {
		port.AppProtocol = &service.AppProtocol
	}
	return port
}

// hasNoTarget says whether the spec leaves the container's port out; a zero of either type counts as nothing.
func hasNoTarget(service v1beta1.CanaryService) bool {
	text := service.TargetPort.String()
	return text == "0" || text == ""
}

// serving are the containers that run as long as the pod: the plain ones, and init containers that never end, which
// are sidecars.
func serving(pods corev1.PodSpec) []corev1.Container {
	containers := slices.Clone(pods.Containers)
	for _, container := range pods.InitContainers {
		if container.RestartPolicy != nil && *container.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			containers = append(containers, container)
		}
	}
	return slices.DeleteFunc(containers, func(c corev1.Container) bool { return slices.Contains(meshProxies, c.Name) })
}

// candidate is a container's port as a Service's, with the name to take if its own is taken.
type candidate struct {
	port     corev1.ServicePort
	fallback string
}

func discovered(container string, index int, port corev1.ContainerPort) candidate {
	protocol := cmp.Or(port.Protocol, corev1.ProtocolTCP)
	fallback := fmt.Sprintf("%s-%s-%d", strings.ToLower(string(protocol)), container, index)
	return candidate{fallback: fallback, port: corev1.ServicePort{
		Name:       cmp.Or(port.Name, fallback),
		Protocol:   protocol,
		Port:       port.ContainerPort,
		TargetPort: intstr.FromInt32(port.ContainerPort),
	}}
}

// withPort adds a discovered port unless it is the spec's own or its number is taken.
func withPort(ports []corev1.ServicePort, found candidate, service v1beta1.CanaryService) []corev1.ServicePort {
	port, main := found.port, mainPort(service)
	if port.Protocol == corev1.ProtocolTCP && (main.TargetPort == port.TargetPort || main.TargetPort.StrVal == port.Name) {
		return ports
	}
	for _, other := range ports {
		if other.Port == port.Port && other.Protocol == port.Protocol {
			return ports
		}
	}
	if slices.ContainsFunc(ports, func(other corev1.ServicePort) bool { return other.Name == port.Name }) {
		port.Name = found.fallback
	}
	return append(ports, port)
}

func sortPorts(ports []corev1.ServicePort) {
	slices.SortFunc(ports, func(a, b corev1.ServicePort) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol))
	})
}
