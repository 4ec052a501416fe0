package workload

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"flagger.app/flagger/api/v1beta1"
)

// port is a Service's port in short.
type port struct {
	name     string
	protocol corev1.Protocol
	port     int32
	target   string
}

func TestServicePorts(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	container := func(name string, ports ...corev1.ContainerPort) corev1.Container {
		return corev1.Container{Name: name, Ports: ports}
	}
	app := container("app",
		corev1.ContainerPort{Name: "web", ContainerPort: 8080},
		corev1.ContainerPort{Name: "grpc", ContainerPort: 9999},
		corev1.ContainerPort{ContainerPort: 9797},
	)
	cases := map[string]struct {
		reason  string
		service v1beta1.CanaryService
		pods    corev1.PodSpec
		want    []port
	}{
		"Plain": {
			reason:  "Without a target port the container listens on the Service's.",
			service: v1beta1.CanaryService{Port: 80},
			pods:    corev1.PodSpec{Containers: []corev1.Container{app}},
			want:    []port{{"http", "TCP", 80, "80"}},
		},
		"ZeroTargetIsNone": {
			reason:  "The literal 0 counts as unset.",
			service: v1beta1.CanaryService{Port: 80, PortName: "main", TargetPort: intstr.FromString("0")},
			want:    []port{{"main", "TCP", 80, "80"}},
		},
		"DiscoveryWithoutTheNamedTarget": {
			reason:  "The port that the spec names is not found twice; the unnamed is called after its container.",
			service: v1beta1.CanaryService{Port: 80, TargetPort: intstr.FromString("web"), PortDiscovery: true},
			pods:    corev1.PodSpec{Containers: []corev1.Container{app}},
			want:    []port{{"http", "TCP", 80, "web"}, {"tcp-app-2", "TCP", 9797, "9797"}, {"grpc", "TCP", 9999, "9999"}},
		},
		"DiscoveryWithoutTheNumberedTarget": {
			reason:  "The same by number.",
			service: v1beta1.CanaryService{Port: 80, TargetPort: intstr.FromInt32(8080), PortDiscovery: true},
			pods:    corev1.PodSpec{Containers: []corev1.Container{app}},
			want:    []port{{"http", "TCP", 80, "8080"}, {"tcp-app-2", "TCP", 9797, "9797"}, {"grpc", "TCP", 9999, "9999"}},
		},
		"DiscoveryWithoutThePort": {
			reason:  "Without a target port the Service's own number is the main port.",
			service: v1beta1.CanaryService{Port: 9999, PortDiscovery: true},
			pods:    corev1.PodSpec{Containers: []corev1.Container{app}},
			want:    []port{{"http", "TCP", 9999, "9999"}, {"web", "TCP", 8080, "8080"}, {"tcp-app-2", "TCP", 9797, "9797"}},
		},
		"OtherProtocols": {
			reason:  "A name server answers on one number in two protocols.",
			service: v1beta1.CanaryService{Port: 53, PortName: "dns", PortDiscovery: true},
			pods: corev1.PodSpec{Containers: []corev1.Container{container("dns",
				corev1.ContainerPort{ContainerPort: 53, Protocol: corev1.ProtocolTCP},
				corev1.ContainerPort{ContainerPort: 53, Protocol: corev1.ProtocolUDP},
			)}},
			want: []port{{"dns", "TCP", 53, "53"}, {"udp-dns-1", "UDP", 53, "53"}},
		},
		"EqualNames": {
			reason:  "Two containers may use one name, a Service may not.",
			service: v1beta1.CanaryService{Port: 80, TargetPort: intstr.FromInt32(8080), PortDiscovery: true},
			pods: corev1.PodSpec{Containers: []corev1.Container{
				container("a", corev1.ContainerPort{Name: "http", ContainerPort: 8081}, corev1.ContainerPort{Name: "metrics", ContainerPort: 9001}),
				container("b", corev1.ContainerPort{Name: "metrics", ContainerPort: 9002}),
			}},
			want: []port{
				{"http", "TCP", 80, "8080"}, {"tcp-a-0", "TCP", 8081, "8081"},
				{"metrics", "TCP", 9001, "9001"}, {"tcp-b-0", "TCP", 9002, "9002"},
			},
		},
		"TakenNumber": {
			reason:  "A Service has each number once; the spec's own port goes first.",
			service: v1beta1.CanaryService{Port: 80, TargetPort: intstr.FromInt32(8080), PortDiscovery: true},
			pods:    corev1.PodSpec{Containers: []corev1.Container{container("a", corev1.ContainerPort{Name: "plain", ContainerPort: 80})}},
			want:    []port{{"http", "TCP", 80, "8080"}},
		},
		"Sidecars": {
			reason:  "Mesh proxies are not the application; init containers end, unless they are sidecars.",
			service: v1beta1.CanaryService{Port: 80, PortDiscovery: true},
			pods: corev1.PodSpec{
				InitContainers: []corev1.Container{
					container("setup", corev1.ContainerPort{Name: "setup", ContainerPort: 1}),
					{Name: "agent", RestartPolicy: &always, Ports: []corev1.ContainerPort{{Name: "agent", ContainerPort: 2}}},
					{Name: "istio-proxy", RestartPolicy: &always, Ports: []corev1.ContainerPort{{Name: "p", ContainerPort: 3}}},
				},
				Containers: []corev1.Container{container("envoy", corev1.ContainerPort{Name: "q", ContainerPort: 4})},
			},
			want: []port{{"http", "TCP", 80, "80"}, {"agent", "TCP", 2, "2"}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got []port
			for _, p := range servicePorts(tc.service, tc.pods) {
				got = append(got, port{p.Name, p.Protocol, p.Port, p.TargetPort.String()})
			}
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(port{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
