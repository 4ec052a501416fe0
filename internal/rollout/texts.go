package rollout

import "fmt"

// Event texts. They are the contract's to the letter, spelling included: users and programs match on them.
const (
	textProvidersAvailable = "all the metrics providers are available!"
	textToCanary           = "Routing all traffic to canary"
	textMirrorToCanary     = "Stop traffic mirroring and route all traffic to canary"
	textToPrimary          = "Routing all traffic to primary"
	textSuspended          = "skipping canary run as object is suspended"
	textNoMatch            = "A/B testing is not supported when using the kubernetes provider"
	textNoWeights          = "Progressive traffic is not supported when using the kubernetes provider"
	textTenIterations      = "Setting canaryAnalysis.iterations: 10"
)

// Alert texts, which are the contract's too.
const (
	alertProgressing      = "New revision detected, progressing canary analysis."
	alertPromoted         = "Canary analysis completed successfully, promotion finished."
	alertSkipped          = "Canary analysis was skipped, promotion finished."
	alertManualRollback   = "Rolling back manual webhook invoked"
	alertWaiting          = "Canary is waiting for approval."
	alertWaitingPromotion = "Canary promotion is waiting for approval."
	alertWaitingIncrease  = "Canary traffic increase is waiting for approval."
)

func (p Plan) alertInitialized() string {
	return fmt.Sprintf("New %s detected, initialization completed.", p.Kind)
}

func alertThreshold(failed int) string {
	return fmt.Sprintf("Failed checks threshold reached %v", failed)
}

func alertDeadline(cause string) string { return "Progress deadline exceeded " + cause }

func alertPromotionFailed(cause string) string {
	return "Promotion failed, primary not ready: " + cause
}

func (p Plan) textInitialized() string {
	return fmt.Sprintf("Initialization done! %s.%s", p.Canary, p.Namespace)
}

func (p Plan) textScalingUp() string {
	return fmt.Sprintf("New revision detected! Scaling up %s.%s", p.Target, p.Namespace)
}

func (p Plan) textRestarting() string {
	return fmt.Sprintf("New revision detected! Restarting analysis for %s.%s", p.Target, p.Namespace)
}

func (p Plan) textCancelled() string {
	return fmt.Sprintf("Analysis cancelled! %s.%s is back at the promoted revision", p.Target, p.Namespace)
}

func (p Plan) textStarting() string {
	return fmt.Sprintf("Starting canary analysis for %s.%s", p.Target, p.Namespace)
}

func (p Plan) textWeight(w Weight) string {
	return fmt.Sprintf("Advance %s.%s canary weight %v", p.Canary, p.Namespace, w)
}

func (p Plan) textPrimaryWeight(w Weight) string {
	return fmt.Sprintf("Advance %s.%s primary weight %v", p.Canary, p.Namespace, w)
}

func (p Plan) textIteration(done int) string {
	return fmt.Sprintf("Advance %s.%s canary iteration %v/%v", p.Canary, p.Namespace, done, p.Iterations)
}

func (p Plan) textCopying() string {
	return fmt.Sprintf("Copying %s.%s template spec to %s-primary.%s", p.Target, p.Namespace, p.Target, p.Namespace)
}

func (p Plan) textPromoted() string {
	return fmt.Sprintf("Promotion completed! Scaling down %s.%s", p.Target, p.Namespace)
}

func (p Plan) textSkipped() string {
	return fmt.Sprintf("Promotion completed! Canary analysis was skipped for %s.%s", p.Target, p.Namespace)
}

func (p Plan) textThreshold(failed int) string {
	return fmt.Sprintf("Rolling back %s.%s failed checks threshold reached %v", p.Canary, p.Namespace, failed)
}

func (p Plan) textManualRollback() string {
	return fmt.Sprintf("Rolling back %s.%s manual webhook invoked", p.Canary, p.Namespace)
}

func (p Plan) textFailed() string {
	return fmt.Sprintf("Canary failed! Scaling down %s.%s", p.Canary, p.Namespace)
}

func (p Plan) textPromotionFailed(cause string) string {
	return fmt.Sprintf("Promotion of %s.%s failed, primary not ready: %s", p.Target, p.Namespace, cause)
}

func (p Plan) textHalt(what, hook string) string {
	return fmt.Sprintf("Halt %s.%s advancement %s %s", p.Canary, p.Namespace, what, hook)
}

func (p Plan) textHaltCause(what, hook, cause string) string {
	return fmt.Sprintf("Halt %s.%s advancement %s %s failed %s", p.Canary, p.Namespace, what, hook, cause)
}

func (p Plan) textTerminating() string {
	return fmt.Sprintf("Terminating canary %s.%s", p.Canary, p.Namespace)
}

func (p Plan) textTerminated() string {
	return fmt.Sprintf("Terminated canary %s.%s", p.Canary, p.Namespace)
}
