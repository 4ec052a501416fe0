package v1beta1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AlertProvider is a chat room or service that alerts are sent to.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=all
// +kubebuilder:metadata:annotations="helm.sh/resource-policy=keep"
// +kubebuilder:printcolumn:name="Type",type="string",JSONPath=".spec.type"
type AlertProvider struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec says where alerts go.
	Spec AlertProviderSpec `json:"spec,omitempty"`

	// Status is reserved.
	Status AlertProviderStatus `json:"status,omitempty"`
}

// AlertProviderList is a list of alert providers.
//
// +kubebuilder:object:root=true
type AlertProviderList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items are the alert providers.
	Items []AlertProvider `json:"items"`
}

// AlertProviderSpec says where alerts go; the address stands here or in a Secret.
//
// +kubebuilder:validation:XValidation:rule="has(self.address) || has(self.secretRef)",message="set address or secretRef"
type AlertProviderSpec struct {
	// Type of the provider.
	//
	// +required
	// +kubebuilder:validation:Enum=slack;msteams;discord;rocket;gchat
	Type string `json:"type"`

	// Channel to post to. Empty means general.
	Channel string `json:"channel,omitempty"`

	// Username to post as. Empty means flagger.
	Username string `json:"username,omitempty"`

	// Address is the URL of the hook.
	Address string `json:"address,omitempty"`

	// Proxy is the URL of an HTTP proxy on the way to the hook.
	Proxy string `json:"proxy,omitempty"`

	// SecretRef names a Secret in the namespace of the provider with the key address and, where it is needed,
	// the key token.
	SecretRef *corev1.LocalObjectReference `json:"secretRef,omitempty"`
}

// AlertProviderStatus is reserved; nothing writes it yet.
type AlertProviderStatus struct {
	// Conditions sum the provider up for tools.
	Conditions []CanaryCondition `json:"conditions,omitempty"`
}
