package v1beta1

import (
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/istio"
)

// CanaryService describes the three generated Services and the route that splits traffic between them.
type CanaryService struct {
	// Name of the apex Service and stem of the other two. Empty means the name of the target.
	Name string `json:"name,omitempty"`

	// Port of the generated Services.
	//
	// +required
	Port Number `json:"port"`

	// PortName is the name of that port. Empty means http.
	PortName string `json:"portName,omitempty"`

	// AppProtocol is copied to the port of the Services; tcp makes Istio route by connection.
	AppProtocol string `json:"appProtocol,omitempty"`

	// TargetPort is the number or name of the container port. Unset or 0 means Port.
	//
	// +kubebuilder:validation:XValidation:rule="type(self) != int || (self >= 0 && self <= 65535)",message="targetPort must be a name or a number from 0 to 65535"
	TargetPort intstr.IntOrString `json:"targetPort,omitzero"`

	// TrafficDistribution is the preference of the Services for near endpoints.
	//
	// +kubebuilder:validation:Enum=PreferClose;PreferSameZone;PreferSameNode
	TrafficDistribution string `json:"trafficDistribution,omitempty"`

	// PortDiscovery exposes the other container ports of the target too.
	PortDiscovery bool `json:"portDiscovery,omitempty"`

	// Headless creates the Services without a cluster IP.
	Headless bool `json:"headless,omitempty"`

	// Timeout limits a request from end to end, as a duration such as 15s.
	Timeout string `json:"timeout,omitempty"`

	// BackendTimeout limits one try from the gateway to the workload, for Gateway API.
	BackendTimeout string `json:"backendTimeout,omitempty"`

	// Gateways are the Istio gateways of the route. Empty means traffic inside the mesh.
	Gateways []string `json:"gateways,omitempty"`

	// GatewayRefs are the parents of the generated Gateway API routes.
	//
	// +kubebuilder:validation:MaxItems=32
	GatewayRefs []gatewayv1.ParentReference `json:"gatewayRefs,omitempty"`

	// Hosts are the host names of the route. Empty means the name of the apex Service.
	Hosts []string `json:"hosts,omitempty"`

	// Delegation generates an Istio VirtualService that another one delegates to. It excludes Hosts and Gateways.
	Delegation bool `json:"delegation,omitempty"`

	// TrafficPolicy is copied to the Istio DestinationRules.
	TrafficPolicy *istio.TrafficPolicy `json:"trafficPolicy,omitempty"`

	// Match limits the route to these requests.
	Match []istio.HTTPMatchRequest `json:"match,omitempty"`

	// Rewrite changes path or host before the workload is called.
	Rewrite *HTTPRewrite `json:"rewrite,omitempty"`

	// Retries repeats failed requests.
	Retries *istio.HTTPRetry `json:"retries,omitempty"`

	// Headers edits headers of requests and responses.
	Headers *istio.Headers `json:"headers,omitempty"`

	// Mirror copies requests to further backends, for Gateway API.
	Mirror []Mirror `json:"mirror,omitempty"`

	// CorsPolicy answers cross-origin requests.
	CorsPolicy *istio.CorsPolicy `json:"corsPolicy,omitempty"`

	// MeshName is the App Mesh mesh.
	MeshName string `json:"meshName,omitempty"`

	// Backends are the App Mesh backends.
	Backends []string `json:"backends,omitempty"`

	// Apex is put on the apex Service and on the generated route.
	Apex *CustomMetadata `json:"apex,omitempty"`

	// Primary is put on the primary Service.
	Primary *CustomMetadata `json:"primary,omitempty"`

	// Canary is put on the canary Service.
	Canary *CustomMetadata `json:"canary,omitempty"`

	// UnmanagedMetadata names keys whose live value on the Services is left alone.
	UnmanagedMetadata *UnmanagedMetadata `json:"unmanagedMetadata,omitempty"`
}

// HTTPRewrite changes the path or the host of a request.
type HTTPRewrite struct {
	// URI is the new path.
	URI string `json:"uri,omitempty"`

	// Authority is the new host.
	Authority string `json:"authority,omitempty"`

	// Type is how Gateway API rewrites the path: ReplacePrefixMatch, else ReplaceFullPath.
	Type string `json:"type,omitempty"`
}

// Mirror is one destination that receives a copy of every request.
type Mirror struct {
	// BackendRef names the destination; a Service needs a port.
	BackendRef gatewayv1.BackendObjectReference `json:"backendRef,omitzero"`
}

// CustomMetadata is extra metadata of a generated object.
type CustomMetadata struct {
	// Labels to add.
	Labels map[string]string `json:"labels,omitempty"`

	// Annotations to add.
	Annotations map[string]string `json:"annotations,omitempty"`
}

// UnmanagedMetadata names keys that belong to others.
type UnmanagedMetadata struct {
	// Annotations are keys of annotations.
	Annotations []string `json:"annotations,omitempty"`

	// Labels are keys of labels.
	Labels []string `json:"labels,omitempty"`
}
