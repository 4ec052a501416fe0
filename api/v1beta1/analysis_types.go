package v1beta1

import (
	"flagger.app/flagger/api/istio"
)

// What a check counts for when its provider does not answer.
const (
	// OnProviderErrorHold keeps the weight and counts nothing.
	OnProviderErrorHold = "hold"
	// OnProviderErrorFail counts one failed check.
	OnProviderErrorFail = "fail"
)

// CanaryAnalysis says how a new revision proves itself: by Iterations, or by weight in equal steps (StepWeight) or
// listed ones (StepWeights).
//
// +kubebuilder:validation:XValidation:rule="[has(self.iterations), has(self.stepWeight), has(self.stepWeights)].filter(set, set).size() == 1",message="set exactly one of iterations, stepWeight and stepWeights"
type CanaryAnalysis struct {
	// Interval is the time between two checks, as a duration such as 30s or 1m. Less than 10s counts as 10s.
	//
	// +required
	// +kubebuilder:validation:Pattern=`^[0-9]+(m|s)`
	// +kubebuilder:validation:XValidation:rule=`self.matches('^(([0-9]+([.][0-9]*)?|[.][0-9]+)(ns|us|µs|μs|ms|s|m|h))+$')`,message="interval must be a duration such as 30s or 1m"
	Interval string `json:"interval"`

	// Threshold is the number of failed checks that rolls back. Less than 1 counts as 1.
	//
	// +required
	Threshold Number `json:"threshold"`

	// Iterations is the number of checks for A/B testing (with Match) and Blue/Green (without).
	Iterations Number `json:"iterations,omitempty"`

	// Match selects the users who see the canary in A/B testing.
	Match []istio.HTTPMatchRequest `json:"match,omitempty"`

	// StepWeight is what each passed check adds to the weight of the canary, in percent.
	StepWeight Number `json:"stepWeight,omitempty"`

	// StepWeights lists the weights of the canary, in percent, smallest first.
	//
	// +kubebuilder:validation:MaxItems=101
	// +kubebuilder:validation:XValidation:rule="self.isSorted() && self.all(w, self.indexOf(w) == self.lastIndexOf(w))",message="stepWeights must ascend: each weight above the one before"
	// +kubebuilder:validation:XValidation:rule="self.all(w, w >= 0.0 && w <= 100.0)",message="stepWeights must lie between 0 and 100"
	StepWeights []Number `json:"stepWeights,omitempty"`

	// MaxWeight is the weight, in percent, at which promotion starts. Less than 1 counts as 100; with StepWeights
	// the last of them counts.
	MaxWeight Number `json:"maxWeight,omitempty"`

	// StepWeightPromotion is what each check adds to the weight of the primary during promotion, in percent. 0
	// moves all traffic at once.
	StepWeightPromotion Number `json:"stepWeightPromotion,omitempty"`

	// Mirror sends a copy of the traffic to the canary before, or instead of, real traffic.
	Mirror bool `json:"mirror,omitempty"`

	// MirrorWeight is the share of traffic that is copied, in percent. 0 leaves it to the provider.
	MirrorWeight Number `json:"mirrorWeight,omitempty"`

	// PrimaryReadyThreshold is the share of primary pods, in percent, that must be available. Unset means 100.
	PrimaryReadyThreshold *Number `json:"primaryReadyThreshold,omitempty"`

	// CanaryReadyThreshold is the share of canary pods, in percent, that must be available. Unset means 100.
	CanaryReadyThreshold *Number `json:"canaryReadyThreshold,omitempty"`

	// SessionAffinity keeps a user on the side that answered first.
	SessionAffinity *SessionAffinity `json:"sessionAffinity,omitempty"`

	// Metrics are measured at every check, in this order.
	Metrics []CanaryMetric `json:"metrics,omitempty"`

	// Alerts replace the operator's own notifier.
	Alerts []CanaryAlert `json:"alerts,omitempty"`

	// Webhooks are the hooks and gates of the rollout.
	Webhooks []CanaryWebhook `json:"webhooks,omitempty"`

	// OnProviderError says what a metrics provider that does not answer counts for: hold keeps the weight and
	// counts nothing, fail counts one failed check. Empty means hold.
	//
	// +kubebuilder:validation:Enum=hold;fail
	OnProviderError string `json:"onProviderError,omitempty"`
}

// SessionAffinity describes the cookies that keep users on one side.
//
// +kubebuilder:validation:XValidation:rule="!has(self.primaryCookieName) || self.primaryCookieName != self.cookieName",message="primaryCookieName must differ from cookieName"
type SessionAffinity struct {
	// CookieName is the cookie of users on the canary.
	//
	// +required
	CookieName string `json:"cookieName"`

	// PrimaryCookieName is the cookie of users on the primary. Empty means that they may move to the canary.
	PrimaryCookieName string `json:"primaryCookieName,omitempty"`

	// MaxAge is the lifetime of the canary cookie in seconds. 0 means 86400.
	//
	// +kubebuilder:default=86400
	MaxAge Number `json:"maxAge,omitempty"`

	// Domain is the Domain attribute of the cookies.
	Domain string `json:"domain,omitempty"`

	// Path is the Path attribute of the cookies.
	Path string `json:"path,omitempty"`

	// HTTPOnly hides the cookies from scripts.
	HTTPOnly bool `json:"httpOnly,omitempty"`

	// Partitioned keeps the cookies apart per top-level site.
	Partitioned bool `json:"partitioned,omitempty"`

	// Secure sends the cookies over https alone.
	Secure bool `json:"secure,omitempty"`

	// SameSite is the SameSite attribute of the cookies.
	//
	// +kubebuilder:validation:Enum=Strict;Lax;None
	SameSite string `json:"sameSite,omitempty"`
}

// CanaryMetric is one measurement and the bounds it must keep.
type CanaryMetric struct {
	// Name of the metric. request-success-rate and request-duration are builtin; any other name needs TemplateRef
	// or Query.
	//
	// +required
	Name string `json:"name"`

	// Interval is the window of the query, in the notation of the provider.
	//
	// +kubebuilder:validation:Pattern=`^[0-9]+(m|s)`
	Interval string `json:"interval,omitempty"`

	// Threshold is one bound, the lower one for the success rate, else the upper one. It counts only without
	// ThresholdRange, which replaced it.
	Threshold float64 `json:"threshold,omitempty"`

	// ThresholdRange bounds the value; a value equal to a bound passes.
	ThresholdRange *CanaryThresholdRange `json:"thresholdRange,omitempty"`

	// Query is an inline PromQL template. TemplateRef replaced it.
	Query string `json:"query,omitempty"`

	// TemplateRef names the MetricTemplate with the query.
	TemplateRef *CrossNamespaceObjectReference `json:"templateRef,omitempty"`

	// TemplateVariables are passed to the query as variables.
	TemplateVariables map[string]string `json:"templateVariables,omitempty"`
}

// CanaryThresholdRange bounds a value on one or both sides, both bounds included.
type CanaryThresholdRange struct {
	// Min is the smallest value that passes.
	Min *float64 `json:"min,omitempty"`

	// Max is the largest value that passes.
	Max *float64 `json:"max,omitempty"`
}

// AlertSeverity is the weight of an alert; a receiver takes its own severity and everything above.
//
// +kubebuilder:validation:Enum="";info;warn;error
type AlertSeverity string

// Severities, lowest first.
const (
	SeverityInfo  AlertSeverity = "info"
	SeverityWarn  AlertSeverity = "warn"
	SeverityError AlertSeverity = "error"
)

// CanaryAlert sends the alerts of this canary to one provider.
type CanaryAlert struct {
	// Name says what the alert is for.
	//
	// +required
	Name string `json:"name"`

	// Severity is the lowest severity to send.
	Severity AlertSeverity `json:"severity,omitempty"`

	// ProviderRef names the AlertProvider.
	//
	// +required
	ProviderRef CrossNamespaceObjectReference `json:"providerRef"`
}

// HookType says when a hook is called.
//
// +kubebuilder:validation:Enum="";confirm-rollout;pre-rollout;rollout;confirm-traffic-increase;confirm-promotion;post-rollout;event;rollback
type HookType string

const (
	// HookConfirmRollout is a gate before a new revision is scaled up.
	HookConfirmRollout HookType = "confirm-rollout"
	// HookPreRollout is a check before the first traffic.
	HookPreRollout HookType = "pre-rollout"
	// HookRollout is a check in every interval. A hook without a type is one too.
	HookRollout HookType = "rollout"
	// HookConfirmTrafficIncrease is a gate before each step of weight.
	HookConfirmTrafficIncrease HookType = "confirm-traffic-increase"
	// HookConfirmPromotion is a gate before the primary is replaced.
	HookConfirmPromotion HookType = "confirm-promotion"
	// HookPostRollout is called after the end of a rollout, good or bad.
	HookPostRollout HookType = "post-rollout"
	// HookEvent receives every event.
	HookEvent HookType = "event"
	// HookRollback is a gate that rolls back when it opens.
	HookRollback HookType = "rollback"
)

// CanaryWebhook is one call to a service outside.
type CanaryWebhook struct {
	// Type says when the hook is called. Empty means rollout.
	Type HookType `json:"type,omitempty"`

	// Name of the hook, as it appears in events.
	//
	// +required
	Name string `json:"name"`

	// URL receives a POST request.
	//
	// +required
	// +kubebuilder:validation:Format=url
	URL string `json:"url"`

	// MuteAlert sends no alert while this gate is closed.
	MuteAlert bool `json:"muteAlert,omitempty"`

	// Timeout limits one attempt, as a duration such as 10s. Empty means 10s.
	//
	// +kubebuilder:validation:Pattern=`^[0-9]+(m|s|ms)(([0-9]+([.][0-9]*)?|[.][0-9]+)(ns|us|µs|μs|ms|s|m|h))*$`
	Timeout string `json:"timeout,omitempty"`

	// Retries is the number of attempts after the first.
	Retries Number `json:"retries,omitempty"`

	// DisableTLS accepts any certificate of the service.
	DisableTLS bool `json:"disableTLS,omitempty"`

	// Metadata is passed on in the body of the request.
	Metadata map[string]string `json:"metadata,omitempty"`
}
