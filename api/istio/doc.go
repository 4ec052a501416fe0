// Package istio holds the shapes of Istio's networking API that the Canary spec embeds, and no others.
//
// Field names and JSON keys are Istio's, so that a user can copy a match, a retry or a traffic policy from a
// VirtualService or DestinationRule into a Canary as it stands. A pointer to a scalar marks a field where Istio
// tells "not set" from zero. Durations and enum values stay strings: the mesh judges them, not this package.
//
// +kubebuilder:object:generate=true
// +kubebuilder:validation:Optional
package istio
