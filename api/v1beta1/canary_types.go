package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Number is a whole number in a field that the published schema declares "type: number".
//
// New objects with a fraction are refused at admission. Objects stored before that rule may still hold one, and a
// decoder that choked on it would lose the whole list with it; so any JSON number decodes, and the controller
// refuses the one canary that holds a fraction.
//
// +kubebuilder:validation:Type=number
// +kubebuilder:validation:XValidation:rule="self < 1e15 && self == double(int(self))",message="must be a whole number"
type Number float64

// Canary rolls out new revisions of one workload step by step, as long as its checks pass.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=all
// +kubebuilder:metadata:annotations="helm.sh/resource-policy=keep"
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=".status.phase"
// +kubebuilder:printcolumn:name="Weight",type="string",JSONPath=".status.canaryWeight"
// +kubebuilder:printcolumn:name="Suspended",type="boolean",JSONPath=".spec.suspend",priority=1
// +kubebuilder:printcolumn:name="FailedChecks",type="string",JSONPath=".status.failedChecks",priority=1
// +kubebuilder:printcolumn:name="Interval",type="string",JSONPath=".spec.analysis.interval",priority=1
// +kubebuilder:printcolumn:name="Mirror",type="boolean",JSONPath=".spec.analysis.mirror",priority=1
// +kubebuilder:printcolumn:name="StepWeight",type="string",JSONPath=".spec.analysis.stepWeight",priority=1
// +kubebuilder:printcolumn:name="StepWeights",type="string",JSONPath=".spec.analysis.stepWeights",priority=1
// +kubebuilder:printcolumn:name="MaxWeight",type="string",JSONPath=".spec.analysis.maxWeight",priority=1
// +kubebuilder:printcolumn:name="LastTransitionTime",type="string",JSONPath=".status.lastTransitionTime"
type Canary struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the user asks for.
	Spec CanarySpec `json:"spec,omitempty"`

	// Status is how far the rollout has come.
	Status CanaryStatus `json:"status,omitempty"`
}

// CanaryList is a list of canaries.
//
// +kubebuilder:object:root=true
type CanaryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items are the canaries.
	Items []Canary `json:"items"`
}

// GetAnalysis returns spec.analysis, else the deprecated spec.canaryAnalysis, else nil.
func (c *Canary) GetAnalysis() *CanaryAnalysis {
	if c.Spec.Analysis != nil {
		return c.Spec.Analysis
	}
	return c.Spec.CanaryAnalysis
}

// CanarySpec says which workload is rolled out, how it is reached and how a new revision proves itself.
type CanarySpec struct {
	// Provider moves the traffic of this canary. Empty means the operator's -mesh-provider.
	//
	// +kubebuilder:validation:Enum=apisix;appmesh;"appmesh:v1beta2";contour;"gatewayapi:v1";"gatewayapi:v1beta1";gloo;istio;knative;kubernetes;kuma;linkerd;nginx;osm;skipper;"smi:v1alpha1";"smi:v1alpha2";"smi:v1alpha3";traefik
	Provider string `json:"provider,omitempty"`

	// MetricsServer is the Prometheus address for builtin and inline metrics. Empty means the operator's
	// -metrics-server.
	MetricsServer string `json:"metricsServer,omitempty"`

	// TargetRef names the workload, in the namespace of the canary.
	//
	// +required
	TargetRef LocalObjectReference `json:"targetRef"`

	// AutoscalerRef names the autoscaler of the target.
	AutoscalerRef *AutoscalerReference `json:"autoscalerRef,omitempty"`

	// IngressRef names the Ingress, for the providers nginx and skipper.
	IngressRef *LocalObjectReference `json:"ingressRef,omitempty"`

	// RouteRef names the ApisixRoute, for the provider apisix.
	RouteRef *LocalObjectReference `json:"routeRef,omitempty"`

	// UpstreamRef names the Gloo Upstream whose settings the generated upstreams take over.
	UpstreamRef *CrossNamespaceObjectReference `json:"upstreamRef,omitempty"`

	// Service describes the generated Services and the route to them.
	Service CanaryService `json:"service,omitempty"`

	// Analysis says how a new revision proves itself.
	//
	// +required
	Analysis *CanaryAnalysis `json:"analysis"`

	// CanaryAnalysis is the former name of Analysis. The API server drops it; objects built in code may hold it.
	CanaryAnalysis *CanaryAnalysis `json:"canaryAnalysis,omitempty"`

	// ProgressDeadlineSeconds is how long, in seconds, the canary and the primary may take to become ready.
	// Unset means 600.
	ProgressDeadlineSeconds *Number `json:"progressDeadlineSeconds,omitempty"`

	// SkipAnalysis promotes new revisions without gates, metrics or steps.
	SkipAnalysis bool `json:"skipAnalysis,omitempty"`

	// RevertOnDeletion restores the objects that existed before the canary when it is deleted.
	RevertOnDeletion bool `json:"revertOnDeletion,omitempty"`

	// Suspend freezes the canary: nothing is read, moved or counted.
	Suspend bool `json:"suspend,omitempty"`
}

// LocalObjectReference names an object in the namespace of the canary.
type LocalObjectReference struct {
	// APIVersion of the object, as group/version.
	//
	// +required
	APIVersion string `json:"apiVersion"`

	// Kind of the object.
	//
	// +required
	Kind string `json:"kind"`

	// Name of the object.
	//
	// +required
	Name string `json:"name"`
}

// CrossNamespaceObjectReference names an object that may live in another namespace.
type CrossNamespaceObjectReference struct {
	// APIVersion of the object, as group/version, where the kind is not implied.
	APIVersion string `json:"apiVersion,omitempty"`

	// Kind of the object, where it is not implied.
	Kind string `json:"kind,omitempty"`

	// Name of the object.
	//
	// +required
	Name string `json:"name"`

	// Namespace of the object. Empty means the namespace of the canary.
	Namespace string `json:"namespace,omitempty"`
}

// AutoscalerReference names the autoscaler of the target and how the primary's copy of it differs.
type AutoscalerReference struct {
	// APIVersion of the autoscaler, as group/version.
	//
	// +required
	APIVersion string `json:"apiVersion"`

	// Kind of the autoscaler.
	//
	// +required
	// +kubebuilder:validation:Enum=HorizontalPodAutoscaler;ScaledObject
	Kind string `json:"kind"`

	// Name of the autoscaler.
	//
	// +required
	Name string `json:"name"`

	// PrimaryScalerQueries maps names of KEDA triggers to the query of the primary. Absent and empty differ:
	// only without the map are queries derived from the target's.
	PrimaryScalerQueries map[string]string `json:"primaryScalerQueries,omitzero"`

	// PrimaryScalerReplicas overrides the bounds of the primary's autoscaler.
	PrimaryScalerReplicas *ScalerReplicas `json:"primaryScalerReplicas,omitempty"`
}

// ScalerReplicas bounds the number of replicas.
type ScalerReplicas struct {
	// MinReplicas is the smallest number of replicas.
	//
	// +kubebuilder:validation:Minimum=1
	MinReplicas *int32 `json:"minReplicas,omitempty"`

	// MaxReplicas is the largest number of replicas.
	//
	// +kubebuilder:validation:Minimum=1
	MaxReplicas *int32 `json:"maxReplicas,omitempty"`
}
