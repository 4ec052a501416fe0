package rollout

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"flagger.app/flagger/api/v1beta1"
)

const (
	defaultInterval   = time.Minute
	minimumInterval   = 10 * time.Second
	defaultDeadline   = 600 * time.Second
	defaultIterations = 10
	everyPod          = 100
	many              = 1 << 30
)

// Invalid is a field of a spec that cannot be carried out, and why. Only a new spec can mend it.
type Invalid struct {
	// Field is the path from the object's root, as in "spec.analysis.interval".
	Field string
	Cause string
}

func (e *Invalid) Error() string { return e.Field + ": " + e.Cause }

// NewPlan parses a spec for a provider that can do caps. Its error joins one *Invalid per field that is wrong.
func NewPlan(c *v1beta1.Canary, caps Capabilities, set Settings) (Plan, error) {
	p := parser{spec: c.Spec, caps: caps}
	plan := Plan{
		Canary:           c.Name,
		Namespace:        c.Namespace,
		Target:           c.Spec.TargetRef.Name,
		Kind:             c.Spec.TargetRef.Kind,
		Routes:           caps.Routes,
		Drain:            set.Drain,
		Settle:           set.Settle,
		Autoscaled:       c.Spec.AutoscalerRef != nil,
		SkipAnalysis:     c.Spec.SkipAnalysis,
		Suspended:        c.Spec.Suspend,
		RevertOnDeletion: c.Spec.RevertOnDeletion,
		Uncollected:      caps.Uncollected,
		Threshold:        1,
		Interval:         defaultInterval,
		PrimaryReady:     everyPod,
		CanaryReady:      everyPod,
		Deadline:         p.deadline(),
	}
	p.target()
	p.autoscaler()
	p.service()
	if analysis := c.GetAnalysis(); analysis != nil {
		p.analysis = *analysis
		p.pace(&plan)
		p.strategy(&plan)
		p.affinity(&plan)
		p.hooks(&plan)
		p.metrics(&plan)
		p.references(c.Namespace, set)
	} else {
		plan.SkipAnalysis = true
	}
	return plan, errors.Join(p.errs...)
}

// parser gathers every mistake of a spec instead of stopping at the first.
type parser struct {
	spec     v1beta1.CanarySpec
	analysis v1beta1.CanaryAnalysis
	caps     Capabilities
	errs     []error
}

func (p *parser) refuse(field, format string, args ...any) {
	p.errs = append(p.errs, &Invalid{Field: field, Cause: fmt.Sprintf(format, args...)})
}

// integer reads a whole number between least and most.
func (p *parser) integer(field string, n v1beta1.Number, least, most int) int {
	i := int(n)
	switch {
	case v1beta1.Number(i) != n:
		p.refuse(field, "%v is not a whole number", n)
	case i < least || i > most:
		p.refuse(field, "%d is not between %d and %d", i, least, most)
	}
	return i
}

func (p *parser) deadline() time.Duration {
	if p.spec.ProgressDeadlineSeconds == nil {
		return defaultDeadline
	}
	const day = 24 * 60 * 60
	seconds := p.integer("spec.progressDeadlineSeconds", *p.spec.ProgressDeadlineSeconds, 1, 365*day)
	return time.Duration(seconds) * time.Second
}

func (p *parser) target() {
	if p.spec.TargetRef.Name == "" {
		p.refuse("spec.targetRef.name", "must name the workload to release")
	}
}

func (p *parser) autoscaler() {
	ref := p.spec.AutoscalerRef
	if ref == nil || ref.PrimaryScalerReplicas == nil {
		return
	}
	least, most := ref.PrimaryScalerReplicas.MinReplicas, ref.PrimaryScalerReplicas.MaxReplicas
	if least != nil && most != nil && *least > *most {
		p.refuse("spec.autoscalerRef.primaryScalerReplicas.minReplicas", "%d is more than maxReplicas, %d", *least, *most)
	}
}

func (p *parser) service() {
	service := p.spec.Service
	if p.spec.TargetRef.Kind != "Service" {
		p.integer("spec.service.port", service.Port, 1, 65535)
	}
	if port := service.TargetPort.IntValue(); port < 0 || port > 65535 {
		p.refuse("spec.service.targetPort", "%d is not between 1 and 65535", port)
	}
	if p.caps.Gateways && len(service.GatewayRefs) == 0 {
		p.refuse("spec.service.gatewayRefs", "GatewayRefs must be specified when using Gateway API as a provider.")
	}
}

// pace reads what sets the speed and the patience of a run.
func (p *parser) pace(plan *Plan) {
	a := p.analysis
	if a.Interval != "" {
		interval, err := time.ParseDuration(a.Interval)
		if err != nil {
			p.refuse("spec.analysis.interval", "%q is not a duration such as 30s or 1m", a.Interval)
		}
		plan.Interval = max(interval, minimumInterval)
	}
	plan.Threshold = max(p.integer("spec.analysis.threshold", a.Threshold, -many, many), 1)
	if a.PrimaryReadyThreshold != nil {
		plan.PrimaryReady = p.integer("spec.analysis.primaryReadyThreshold", *a.PrimaryReadyThreshold, 0, everyPod)
	}
	if a.CanaryReadyThreshold != nil {
		plan.CanaryReady = p.integer("spec.analysis.canaryReadyThreshold", *a.CanaryReadyThreshold, 0, everyPod)
	}
	plan.PromotionStep = Weight(p.integer("spec.analysis.stepWeightPromotion", a.StepWeightPromotion, 0, int(whole)))
	p.integer("spec.analysis.mirrorWeight", a.MirrorWeight, 0, int(whole))
	plan.CountProviderErrors = a.OnProviderError == v1beta1.OnProviderErrorFail
}

// strategy reads how traffic comes to the canary, and refuses what the provider cannot do.
func (p *parser) strategy(plan *Plan) {
	a := p.analysis
	iterations := p.integer("spec.analysis.iterations", a.Iterations, 0, many)
	plan.Mirror = a.Mirror && p.caps.Routes
	switch {
	case !p.caps.Routes:
		plan.Strategy = BlueGreen
		plan.Iterations = p.withoutRoutes(plan, iterations)
	case len(a.Match) > 0 && iterations > 0:
		plan.Strategy, plan.Iterations = ABTest, iterations
	case iterations > 0:
		plan.Strategy, plan.Iterations = BlueGreen, iterations
	default:
		plan.Strategy, plan.Steps = Weighted, p.steps()
	}
	switch {
	case !p.caps.Routes:
	case len(a.Match) > 0 && !p.caps.Match:
		p.refuse("spec.analysis.match", "this provider cannot match requests, so A/B testing is not possible")
	case a.Mirror && plan.Strategy == Weighted && !p.caps.MirrorSteps:
		p.refuse("spec.analysis.mirror", "this provider cannot mirror traffic in a weighted rollout")
	case a.Mirror && plan.Strategy != Weighted && !p.caps.Mirror:
		p.refuse("spec.analysis.mirror", "this provider cannot mirror traffic")
	}
}

// withoutRoutes is what a provider without a routing object makes of the analysis: Blue/Green, whatever was asked.
func (p *parser) withoutRoutes(plan *Plan, iterations int) int {
	if len(p.analysis.Match) > 0 {
		plan.Notices = append(plan.Notices, textNoMatch)
	}
	if iterations < 1 {
		plan.Notices = append(plan.Notices, textNoWeights, textTenIterations)
		return defaultIterations
	}
	return iterations
}

// steps lists the weights that a weighted run comes to. A step weight overshoots the maximum rather than being cut
// to it: 20 up to 50 is 20, 40, 60.
func (p *parser) steps() []Weight {
	a := p.analysis
	if len(a.StepWeights) > 0 && a.StepWeight == 0 {
		return p.listedSteps()
	}
	step := Weight(p.integer("spec.analysis.stepWeight", a.StepWeight, 0, int(whole)))
	if step < 1 {
		if step == 0 && !p.spec.SkipAnalysis {
			p.refuse("spec.analysis.stepWeight", "must be at least 1, unless iterations or stepWeights are set")
		}
		return nil
	}
	most := whole
	if a.MaxWeight > 0 {
		most = min(Weight(p.integer("spec.analysis.maxWeight", a.MaxWeight, 1, many)), whole)
	}
	var steps []Weight
	for weight := step; ; weight += step {
		steps = append(steps, min(weight, whole))
		if weight >= most {
			return steps
		}
	}
}

func (p *parser) listedSteps() []Weight {
	var steps []Weight
	last := Weight(0)
	for i, listed := range p.analysis.StepWeights {
		field := fmt.Sprintf("spec.analysis.stepWeights[%d]", i)
		weight := min(Weight(p.integer(field, listed, -many, many)), whole)
		if weight <= last {
			p.refuse(field, "%d does not follow %d: weights must ascend", weight, last)
		}
		steps, last = append(steps, weight), weight
	}
	return steps
}

func (p *parser) affinity(plan *Plan) {
	affinity := p.analysis.SessionAffinity
	if affinity == nil {
		return
	}
	const field = "spec.analysis.sessionAffinity"
	switch {
	case affinity.CookieName == "":
		p.refuse(field+".cookieName", "must not be empty")
	case affinity.CookieName == affinity.PrimaryCookieName:
		p.refuse(field+".primaryCookieName",
			"can't use the same cookie name for both primary and cookie name; please update them to be different")
	case !p.caps.Affinity:
		p.refuse(field, "this provider cannot keep sessions on one side")
	case len(p.analysis.Match) > 0 && !p.caps.AffinityMatch:
		p.refuse(field, "cannot be combined with spec.analysis.match on this provider")
	}
	p.integer(field+".maxAge", affinity.MaxAge, 0, many)
	plan.Affinity = affinity.CookieName
	if p.caps.PrimaryAffinity {
		plan.PrimaryAffinity = affinity.PrimaryCookieName
	}
}

func (p *parser) hooks(plan *Plan) {
	for i, hook := range p.analysis.Webhooks {
		field := fmt.Sprintf("spec.analysis.webhooks[%d]", i)
		if len(hook.Timeout) > 1 {
			if _, err := time.ParseDuration(hook.Timeout); err != nil {
				p.refuse(field+".timeout", "%q is not a duration such as 10s or 1m", hook.Timeout)
			}
		}
		if !strings.HasPrefix(hook.URL, "http://") && !strings.HasPrefix(hook.URL, "https://") {
			p.refuse(field+".url", "%q is not an http or https URL", withoutUser(hook.URL))
		}
		p.integer(field+".retries", hook.Retries, 0, many)
		kind := hook.Type
		if kind == "" {
			kind = v1beta1.HookRollout
		}
		plan.Hooks = append(plan.Hooks, Hook{Name: hook.Name, Type: kind, Index: i, Muted: hook.MuteAlert})
	}
}

// withoutUser is an address for a text that users read, without the password that it may carry.
func withoutUser(address string) string {
	if at := strings.LastIndex(address, "@"); at >= 0 {
		return "***" + address[at:]
	}
	return address
}

func (p *parser) metrics(plan *Plan) {
	for i, metric := range p.analysis.Metrics {
		if metric.Name == "" {
			p.refuse(fmt.Sprintf("spec.analysis.metrics[%d].name", i), "must not be empty")
		}
		plan.Metrics = append(plan.Metrics, metric.Name)
	}
}

// references refuses references to other namespaces where the operator was told to.
func (p *parser) references(own string, set Settings) {
	if !set.NoCrossNamespaceRefs {
		return
	}
	foreign := func(namespace string) bool { return namespace != "" && namespace != own }
	const blocked = "can't access %s %s.%s, cross-namespace references are blocked"
	if ref := p.spec.UpstreamRef; ref != nil && foreign(ref.Namespace) {
		p.refuse("spec.upstreamRef", blocked, "gloo upstream", ref.Name, ref.Namespace)
	}
	for i, metric := range p.analysis.Metrics {
		if ref := metric.TemplateRef; ref != nil && foreign(ref.Namespace) {
			p.refuse(fmt.Sprintf("spec.analysis.metrics[%d].templateRef", i), blocked, "metric template", ref.Name, ref.Namespace)
		}
	}
	for i, alert := range p.analysis.Alerts {
		if ref := alert.ProviderRef; foreign(ref.Namespace) {
			p.refuse(fmt.Sprintf("spec.analysis.alerts[%d].providerRef", i), blocked, "alert provider", ref.Name, ref.Namespace)
		}
	}
	for i, mirror := range p.spec.Service.Mirror {
		if ref := mirror.BackendRef; ref.Namespace != nil && foreign(string(*ref.Namespace)) {
			p.refuse(fmt.Sprintf("spec.service.mirror[%d].backendRef", i), blocked, "service", string(ref.Name), string(*ref.Namespace))
		}
	}
}
