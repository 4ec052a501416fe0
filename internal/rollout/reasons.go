package rollout

// Reason is the typed cause of an event or condition, for programs; people read the message.
type Reason string

// Reasons of events. They travel in the annotation flagger.app/reason, as the event's own reason is always "Synced".
const (
	ReasonProvidersAvailable  Reason = "ProvidersAvailable"
	ReasonProviderUnavailable Reason = "ProviderUnavailable"
	ReasonInitialized         Reason = "Initialized"
	ReasonNewRevision         Reason = "NewRevision"
	ReasonRestarted           Reason = "Restarted"
	ReasonCancelled           Reason = "Cancelled"
	ReasonAnalysisStarted     Reason = "AnalysisStarted"
	ReasonWeightAdvanced      Reason = "WeightAdvanced"
	ReasonIterationAdvanced   Reason = "IterationAdvanced"
	ReasonTrafficSwitched     Reason = "TrafficSwitched"
	ReasonPromoting           Reason = "Promoting"
	ReasonPromoted            Reason = "Promoted"
	ReasonGatePassed          Reason = "GatePassed"
	ReasonGateClosed          Reason = "GateClosed"
	ReasonHookFailed          Reason = "HookFailed"
	ReasonMetricFailed        Reason = "MetricFailed"
	ReasonNotReady            Reason = "NotReady"
	ReasonRouteNotTaken       Reason = "RouteNotTaken"
	ReasonRolledBack          Reason = "RolledBack"
	ReasonPromotionFailed     Reason = "PromotionFailed"
	ReasonProviderLimits      Reason = "ProviderLimits"
	ReasonSuspended           Reason = "Suspended"
	ReasonTerminating         Reason = "Terminating"
	ReasonRefused             Reason = "Refused"
	ReasonObstructed          Reason = "Obstructed"
	ReasonError               Reason = "Error"
)

// Reasons of the condition Reconciling that decisions come back to, so that what has been said is not said again.
const (
	reasonCanaryNotReady  Reason = "CanaryNotReady"
	reasonPrimaryNotReady Reason = "PrimaryNotReady"
	reasonDraining        Reason = "Draining"
)
