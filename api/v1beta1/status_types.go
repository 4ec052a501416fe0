package v1beta1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CanaryPhase is the stage of a rollout.
//
// +kubebuilder:validation:Enum="";Initializing;Initialized;Waiting;Progressing;WaitingPromotion;Promoting;Finalising;Succeeded;Failed;Terminating;Terminated
type CanaryPhase string

const (
	// PhaseInitializing means that the primary is being created.
	PhaseInitializing CanaryPhase = "Initializing"
	// PhaseInitialized means that the primary serves and no rollout has run yet.
	PhaseInitialized CanaryPhase = "Initialized"
	// PhaseWaiting means that a gate holds a new revision back.
	PhaseWaiting CanaryPhase = "Waiting"
	// PhaseProgressing means that a new revision is under analysis.
	PhaseProgressing CanaryPhase = "Progressing"
	// PhaseWaitingPromotion means that a gate holds the promotion back.
	PhaseWaitingPromotion CanaryPhase = "WaitingPromotion"
	// PhasePromoting means that the primary takes over the new revision.
	PhasePromoting CanaryPhase = "Promoting"
	// PhaseFinalising means that traffic is back on the primary and the canary drains.
	PhaseFinalising CanaryPhase = "Finalising"
	// PhaseSucceeded means that the new revision serves as the primary.
	PhaseSucceeded CanaryPhase = "Succeeded"
	// PhaseFailed means that the new revision was rolled back.
	PhaseFailed CanaryPhase = "Failed"
	// PhaseTerminating means that the canary is being deleted and reverted.
	PhaseTerminating CanaryPhase = "Terminating"
	// PhaseTerminated means that the revert is done.
	PhaseTerminated CanaryPhase = "Terminated"
)

// Types of conditions.
const (
	// PromotedCondition tells whether the latest revision serves as the primary.
	PromotedCondition = "Promoted"
	// ReadyCondition sums up: the canary is at rest and nothing is wrong.
	ReadyCondition = "Ready"
	// ReconcilingCondition is True while a rollout is under way.
	ReconcilingCondition = "Reconciling"
	// StalledCondition is True when only the user can get the canary going again.
	StalledCondition = "Stalled"
)

// Verdicts of a check.
const (
	VerdictPass   = "Pass"
	VerdictFail   = "Fail"
	VerdictNoData = "NoData"
	VerdictError  = "Error"
)

// CanaryStatus is how far the rollout has come, and the plan for the traffic: routing objects follow it.
type CanaryStatus struct {
	// Phase of the rollout.
	Phase CanaryPhase `json:"phase"`

	// FailedChecks is the number of failed checks in this run.
	//
	// +kubebuilder:validation:Type=number
	FailedChecks int `json:"failedChecks"`

	// CanaryWeight is the traffic to the canary, in percent.
	//
	// +kubebuilder:validation:Type=number
	CanaryWeight int `json:"canaryWeight"`

	// Iterations is the number of iterations done.
	//
	// +kubebuilder:validation:Type=number
	Iterations int `json:"iterations"`

	// PreviousSessionAffinityCookie is the cookie of the run before, to be deleted from clients.
	PreviousSessionAffinityCookie string `json:"previousSessionAffinityCookie,omitempty"`

	// SessionAffinityCookie is the cookie of users on the canary, as name=value.
	SessionAffinityCookie string `json:"sessionAffinityCookie,omitempty"`

	// PrimarySessionAffinityCookie is the cookie of users on the primary, as name=value.
	PrimarySessionAffinityCookie string `json:"primarySessionAffinityCookie,omitempty"`

	// TrackedConfigs maps configmap/name and secret/name to a checksum. Nothing tracked yet is absent, tracked
	// and none found is empty.
	TrackedConfigs *map[string]string `json:"trackedConfigs,omitempty"`

	// LastAppliedSpec identifies the revision that the last run was started for.
	LastAppliedSpec string `json:"lastAppliedSpec,omitempty"`

	// LastPromotedSpec identifies the revision that the primary serves.
	LastPromotedSpec string `json:"lastPromotedSpec,omitempty"`

	// LastPromotedConfigs identifies the tracked configs that the primary serves with.
	LastPromotedConfigs string `json:"lastPromotedConfigs,omitempty"`

	// LastPromotedReplicas is the size that the primary had when it was promoted, if it has no autoscaler.
	LastPromotedReplicas int32 `json:"lastPromotedReplicas,omitempty"`

	// LastTransitionTime is the time of the last change of this status.
	LastTransitionTime metav1.Time `json:"lastTransitionTime,omitzero"`

	// Conditions sum the canary up for tools.
	Conditions []CanaryCondition `json:"conditions,omitempty"`

	// ObservedGeneration is the generation of the spec that this status answers.
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// LastAnalysisTime is the time of the last look at the checks; the next is due one interval later. Whole
	// seconds would make it due up to a second early, so it counts microseconds.
	LastAnalysisTime *metav1.MicroTime `json:"lastAnalysisTime,omitempty"`

	// LastRouteTime is the time of the last change of traffic, in microseconds; draining counts from it.
	LastRouteTime *metav1.MicroTime `json:"lastRouteTime,omitempty"`

	// Checks are the last results of metrics, gates and readiness, so that describing the canary says why it halts.
	//
	// +kubebuilder:validation:MaxItems=32
	Checks []CheckResult `json:"checks,omitempty"`
}

// CanaryCondition is one statement about an object.
type CanaryCondition struct {
	// Type is what the condition is about.
	//
	// +required
	Type string `json:"type"`

	// Status is True, False or Unknown.
	//
	// +required
	Status corev1.ConditionStatus `json:"status"`

	// LastUpdateTime is the time of the last change of status or reason.
	LastUpdateTime metav1.Time `json:"lastUpdateTime,omitzero"`

	// LastTransitionTime is the time of the last change of status.
	LastTransitionTime metav1.Time `json:"lastTransitionTime,omitzero"`

	// Reason is one word for programs.
	//
	// +required
	Reason string `json:"reason"`

	// Message is one sentence for people.
	Message string `json:"message,omitempty"`

	// ObservedGeneration is the generation of the spec that the condition answers.
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
}

// CheckResult is the last result of one check. None of its fields may hold a secret.
type CheckResult struct {
	// Name of the metric, hook or workload.
	//
	// +required
	Name string `json:"name"`

	// Kind of the check, such as metric, gate or readiness.
	Kind string `json:"kind,omitempty"`

	// Verdict of the check.
	//
	// +required
	// +kubebuilder:validation:Enum=Pass;Fail;NoData;Error
	Verdict string `json:"verdict"`

	// Value that was measured, in the unit of the metric. JSON has no infinity and no NaN: without a finite value
	// the field is absent and Message says what was measured.
	Value *float64 `json:"value,omitempty"`

	// Min is the smallest value that passes, in the unit of Value.
	Min *float64 `json:"min,omitempty"`

	// Max is the largest value that passes, in the unit of Value.
	Max *float64 `json:"max,omitempty"`

	// Message is one sentence for people.
	Message string `json:"message,omitempty"`

	// Time of the result.
	Time metav1.Time `json:"time,omitzero"`
}
