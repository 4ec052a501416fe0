package v1beta1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MetricTemplate is a query that canaries share, and the provider that answers it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=all
// +kubebuilder:metadata:annotations="helm.sh/resource-policy=keep"
// +kubebuilder:printcolumn:name="Provider",type="string",JSONPath=".spec.provider.type"
type MetricTemplate struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is the query and its provider.
	Spec MetricTemplateSpec `json:"spec,omitempty"`

	// Status is reserved.
	Status MetricTemplateStatus `json:"status,omitempty"`
}

// MetricTemplateList is a list of metric templates.
//
// +kubebuilder:object:root=true
type MetricTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items are the metric templates.
	Items []MetricTemplate `json:"items"`
}

// MetricTemplateSpec is a query and the provider that answers it.
type MetricTemplateSpec struct {
	// Provider answers the query.
	//
	// +required
	Provider MetricTemplateProvider `json:"provider"`

	// Query is a Go template in the language of the provider.
	//
	// +required
	Query string `json:"query"`
}

// MetricTemplateProvider says where a query is sent and with which credentials.
type MetricTemplateProvider struct {
	// Type of the provider.
	//
	// +required
	// +kubebuilder:validation:Enum=prometheus;influxdb;datadog;externalmetrics;stackdriver;cloudwatch;newrelic;graphite;dynatrace;keptn;splunk
	Type string `json:"type"`

	// Address is the base URL of the provider.
	Address string `json:"address,omitempty"`

	// Headers are sent with every request.
	Headers map[string][]string `json:"headers,omitempty"`

	// SecretRef names a Secret with credentials, in the namespace of the template.
	SecretRef *corev1.LocalObjectReference `json:"secretRef,omitempty"`

	// Region of the cloud.
	Region string `json:"region,omitempty"`

	// InsecureSkipVerify accepts any certificate of the provider.
	InsecureSkipVerify bool `json:"insecureSkipVerify,omitempty"`
}

// MetricTemplateStatus is reserved; nothing writes it yet.
type MetricTemplateStatus struct {
	// Conditions sum the template up for tools.
	Conditions []CanaryCondition `json:"conditions,omitempty"`
}
