// Package v1beta1 is the API group flagger.app/v1beta1: Canary, MetricTemplate and AlertProvider.
//
// The package holds types, markers and enums, and no logic but accessors. Deep copies and the CRDs in config/crd
// are generated from it; what markers cannot say is added to the CRDs by hack/crd.
//
// Compatibility stands above tidiness here. Whole-valued fields are published as "type: number", so each of them is
// a Number, which decodes whatever a cluster may have stored. Field order, JSON keys and enum values are a contract
// with users and pinned in test/compat; a field of our own is always optional.
//
// A rule in CEL must answer no, and never fail, on a value it refuses. The API server forgives an old value that a
// rule says no to as long as it stays as it is, but not one on which a rule fails: the status of a canary stored
// before the rule could never be written again. So durations are matched, not converted, and large numbers are sorted
// out before they are converted. In a list of any length only a pattern is cheap enough for a duration.
//
// +kubebuilder:object:generate=true
// +kubebuilder:validation:Optional
// +groupName=flagger.app
package v1beta1
