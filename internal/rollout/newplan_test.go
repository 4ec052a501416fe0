package rollout_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

func analysis(edit func(*v1beta1.CanaryAnalysis)) shape {
	return func(c *v1beta1.Canary) { edit(c.Spec.Analysis) }
}

func number(n v1beta1.Number) *v1beta1.Number { return &n }

// basic is what every plan of the canary called podinfo says when its spec leaves everything out.
func basic(edit func(*rollout.Plan)) rollout.Plan {
	plan := rollout.Plan{
		Canary: "podinfo", Namespace: "test", Target: "podinfo", Kind: "Deployment", Routes: true,
		Steps: []rollout.Weight{20, 40, 60}, Interval: 30 * time.Second, Threshold: 2, Drain: 10 * time.Second,
		PrimaryReady: 100, CanaryReady: 100, Deadline: 600 * time.Second,
	}
	edit(&plan)
	return plan
}

func TestNewPlan(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		spec   *v1beta1.Canary
		caps   rollout.Capabilities
		want   rollout.Plan
	}{
		"Overshoots": {
			reason: "stepWeight 20 up to 50 is 20, 40, 60: users of Flagger count on it.",
			spec:   canary(steps(20, 50)), caps: mesh,
			want: basic(func(*rollout.Plan) {}),
		},
		"StopsAtHundred": {
			reason: "No maximum is 100, and the last step is cut to it.",
			spec:   canary(steps(30, 0)), caps: mesh,
			want: basic(func(p *rollout.Plan) { p.Steps = []rollout.Weight{30, 60, 90, 100} }),
		},
		"TakesALargerMaximumForHundred": {
			reason: "A maximum above 100 never promoted (flaw B2).",
			spec:   canary(steps(50, 300)), caps: mesh,
			want: basic(func(p *rollout.Plan) { p.Steps = []rollout.Weight{50, 100} }),
		},
		"TakesANegativeMaximumForHundred": {
			reason: "As Flagger does.",
			spec:   canary(steps(50, -1)), caps: mesh,
			want: basic(func(p *rollout.Plan) { p.Steps = []rollout.Weight{50, 100} }),
		},
		"ListsStepWeights": {
			reason: "Exactly those, whatever the maximum says.",
			spec: canary(steps(0, 20), analysis(func(a *v1beta1.CanaryAnalysis) {
				a.StepWeights = []v1beta1.Number{1, 2, 10, 80}
			})), caps: mesh,
			want: basic(func(p *rollout.Plan) { p.Steps = []rollout.Weight{1, 2, 10, 80} }),
		},
		"CutsTheLastStepWeight": {
			reason: "A last element above 100 behaves as 100.",
			spec: canary(analysis(func(a *v1beta1.CanaryAnalysis) {
				a.StepWeights = []v1beta1.Number{50, 150}
			})), caps: mesh,
			want: basic(func(p *rollout.Plan) { p.Steps = []rollout.Weight{50, 100} }),
		},
		"PrefersStepWeight": {
			reason: "An old object may have both, which admission refuses by now.",
			spec: canary(steps(50, 50), analysis(func(a *v1beta1.CanaryAnalysis) {
				a.StepWeights = []v1beta1.Number{1}
			})), caps: mesh,
			want: basic(func(p *rollout.Plan) { p.Steps = []rollout.Weight{50} }),
		},
		"DefaultsTheInterval": {
			reason: "None is a minute.",
			spec:   canary(steps(20, 50), analysis(func(a *v1beta1.CanaryAnalysis) { a.Interval = "" })), caps: mesh,
			want: basic(func(p *rollout.Plan) { p.Interval = time.Minute }),
		},
		"RaisesAShortInterval": {
			reason: "Below ten seconds metrics say nothing.",
			spec:   canary(steps(20, 50), analysis(func(a *v1beta1.CanaryAnalysis) { a.Interval = "1s" })), caps: mesh,
			want: basic(func(p *rollout.Plan) { p.Interval = 10 * time.Second }),
		},
		"RaisesTheThreshold": {
			reason: "Zero failures allowed would roll back before the first check.",
			spec:   canary(steps(20, 50), threshold(0)), caps: mesh,
			want: basic(func(p *rollout.Plan) { p.Threshold = 1 }),
		},
		"RaisesANegativeThreshold": {
			reason: "As Flagger does.",
			spec:   canary(steps(20, 50), threshold(-3)), caps: mesh,
			want: basic(func(p *rollout.Plan) { p.Threshold = 1 }),
		},
		"ReadsReadiness": {
			reason: "Shares of pods and the deadline are in the spec where users set them.",
			spec: canary(steps(20, 50), analysis(func(a *v1beta1.CanaryAnalysis) {
				a.PrimaryReadyThreshold, a.CanaryReadyThreshold = number(80), number(0)
			}), spec(func(s *v1beta1.CanarySpec) { s.ProgressDeadlineSeconds = number(90) })), caps: mesh,
			want: basic(func(p *rollout.Plan) { p.PrimaryReady, p.CanaryReady, p.Deadline = 80, 0, 90*time.Second }),
		},
		"ReadsTheSwitches": {
			reason: "Each means what it says.",
			spec: canary(steps(20, 50), promotion(10), mirror(), spec(skipAnalysis), spec(revertOnDeletion),
				spec(onProviderErrorFail), spec(func(s *v1beta1.CanarySpec) { s.Suspend = true })), caps: mesh,
			want: basic(func(p *rollout.Plan) {
				p.PromotionStep, p.Mirror, p.SkipAnalysis, p.RevertOnDeletion = 10, true, true, true
				p.CountProviderErrors, p.Suspended = true, true
			}),
		},
		"KnowsABTesting": {
			reason: "A match and iterations are A/B testing.",
			spec:   canary(iterations(3), match()), caps: mesh,
			want: basic(func(p *rollout.Plan) { p.Strategy, p.Steps, p.Iterations = rollout.ABTest, nil, 3 }),
		},
		"KnowsBlueGreen": {
			reason: "Iterations alone are Blue/Green.",
			spec:   canary(iterations(3), mirror()), caps: mesh,
			want: basic(func(p *rollout.Plan) { p.Strategy, p.Steps, p.Iterations, p.Mirror = rollout.BlueGreen, nil, 3, true }),
		},
		"KnowsAWeightedMatch": {
			reason: "A match without iterations is weighted.",
			spec:   canary(steps(20, 50), match()), caps: mesh,
			want: basic(func(*rollout.Plan) {}),
		},
		"WithoutAnalysis": {
			reason: "No analysis is a skipped one (flaw B20: it used to panic).",
			spec:   canary(func(c *v1beta1.Canary) { c.Spec.Analysis = nil }), caps: mesh,
			want: basic(func(p *rollout.Plan) { p.Steps, p.SkipAnalysis, p.Interval, p.Threshold = nil, true, time.Minute, 1 }),
		},
		"ReadsTheDeprecatedName": {
			reason: "spec.canaryAnalysis of old manifests still counts.",
			spec: canary(steps(20, 50), func(c *v1beta1.Canary) {
				c.Spec.Analysis, c.Spec.CanaryAnalysis = nil, c.Spec.Analysis
			}), caps: mesh,
			want: basic(func(*rollout.Plan) {}),
		},
		"MakesBlueGreenOfWeights": {
			reason: "The kubernetes provider cannot split; it says so and tests ten times.",
			spec:   canary(steps(20, 50), mirror()), caps: kubernetes,
			want: basic(func(p *rollout.Plan) {
				p.Strategy, p.Routes, p.Steps, p.Iterations = rollout.BlueGreen, false, nil, 10
				p.Notices = []string{
					"Progressive traffic is not supported when using the kubernetes provider", "Setting canaryAnalysis.iterations: 10",
				}
			}),
		},
		"MakesBlueGreenOfAnABTest": {
			reason: "The same for matches, with the iterations asked for.",
			spec:   canary(iterations(3), match()), caps: kubernetes,
			want: basic(func(p *rollout.Plan) {
				p.Strategy, p.Routes, p.Steps, p.Iterations = rollout.BlueGreen, false, nil, 3
				p.Notices = []string{"A/B testing is not supported when using the kubernetes provider"}
			}),
		},
		"ReadsCookies": {
			reason: "Both names, where the provider can do both.",
			spec:   canary(steps(20, 50), affinity()), caps: mesh,
			want: basic(func(p *rollout.Plan) { p.Affinity, p.PrimaryAffinity = "canary", "primary" }),
		},
		"LeavesOutAPrimaryCookie": {
			reason: "A provider that pins only canary users is no reason to refuse the rest.",
			spec:   canary(steps(20, 50), affinity()), caps: rollout.Capabilities{Routes: true, Affinity: true},
			want: basic(func(p *rollout.Plan) { p.Affinity = "canary" }),
		},
		"ReadsHooksAndMetrics": {
			reason: "By their place in the spec; a hook without a type is a rollout hook, a timeout of one character is none.",
			spec: canary(steps(20, 50), metric("errors"), hook("", "load"), hook(v1beta1.HookRollback, "undo"),
				analysis(func(a *v1beta1.CanaryAnalysis) { a.Webhooks[0].Timeout, a.Webhooks[1].Timeout = "1", "1m" })), caps: mesh,
			want: basic(func(p *rollout.Plan) {
				p.Metrics = []string{"errors"}
				p.Hooks = []rollout.Hook{
					{Name: "load", Type: v1beta1.HookRollout, Index: 0}, {Name: "undo", Type: v1beta1.HookRollback, Index: 1},
				}
			}),
		},
		"NeedsNoPortOfAService": {
			reason: "A Service as target brings its own ports.",
			spec: canary(steps(20, 50), spec(func(s *v1beta1.CanarySpec) {
				s.TargetRef.Kind, s.Service.Port = "Service", 0
			})), caps: mesh,
			want: basic(func(p *rollout.Plan) { p.Kind = "Service" }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := rollout.NewPlan(test.spec, test.caps, rollout.Settings{Drain: 10 * time.Second})
			if err != nil {
				t.Fatalf("%s: %v", test.reason, err)
			}
			if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", test.reason, diff)
			}
		})
	}
}

// mistake is a spec that cannot be carried out.
type mistake struct {
	reason string
	shapes []shape
	caps   rollout.Capabilities
	strict bool
	fields []string
}

func wrong(field, reason string, shapes ...shape) mistake {
	return mistake{reason: reason, shapes: shapes, caps: mesh, fields: []string{field}}
}

func (m mistake) on(caps rollout.Capabilities) mistake {
	m.caps = caps
	return m
}

// without cross-namespace references.
func (m mistake) confined() mistake {
	m.strict = true
	return m
}

func TestNewPlanRefuses(t *testing.T) {
	weighted := steps(20, 50)
	foreign := v1beta1.CrossNamespaceObjectReference{Name: "x", Namespace: "other"}
	on := func(edit func(*v1beta1.CanaryAnalysis)) shape { return analysis(edit) }
	of := func(edit func(*v1beta1.CanarySpec)) shape { return spec(edit) }
	for name, m := range map[string]mistake{
		"NoTarget":         wrong("spec.targetRef.name", "There is nothing to release.", weighted, of(func(s *v1beta1.CanarySpec) { s.TargetRef.Name = "" })),
		"NoPort":           wrong("spec.service.port", "Users need a port.", weighted, of(func(s *v1beta1.CanarySpec) { s.Service.Port = 0 })),
		"FractionalPort":   wrong("spec.service.port", "A fraction broke the decoding of every canary (flaw B19); now it is one canary's mistake.", weighted, of(func(s *v1beta1.CanarySpec) { s.Service.Port = 80.5 })),
		"HugePort":         wrong("spec.service.port", "No such port.", weighted, of(func(s *v1beta1.CanarySpec) { s.Service.Port = 65536 })),
		"HugeTargetPort":   wrong("spec.service.targetPort", "No such port either.", weighted, of(func(s *v1beta1.CanarySpec) { s.Service.TargetPort = intstr.FromInt32(70000) })),
		"NegativePort":     wrong("spec.service.targetPort", "Nor this.", weighted, of(func(s *v1beta1.CanarySpec) { s.Service.TargetPort = intstr.FromInt32(-1) })),
		"ZeroDeadline":     wrong("spec.progressDeadlineSeconds", "Every pod would be given up at once.", weighted, of(func(s *v1beta1.CanarySpec) { s.ProgressDeadlineSeconds = number(0) })),
		"Interval":         wrong("spec.analysis.interval", "A typo must not turn into a minute silently.", weighted, on(func(a *v1beta1.CanaryAnalysis) { a.Interval = "1min" })),
		"Threshold":        wrong("spec.analysis.threshold", "Checks fail whole.", weighted, threshold(1.5)),
		"PrimaryReady":     wrong("spec.analysis.primaryReadyThreshold", "More than all pods cannot be ready.", weighted, on(func(a *v1beta1.CanaryAnalysis) { a.PrimaryReadyThreshold = number(101) })),
		"CanaryReady":      wrong("spec.analysis.canaryReadyThreshold", "Fewer than none neither.", weighted, on(func(a *v1beta1.CanaryAnalysis) { a.CanaryReadyThreshold = number(-1) })),
		"PromotionStep":    wrong("spec.analysis.stepWeightPromotion", "A step beyond all traffic.", weighted, promotion(101)),
		"MirrorWeight":     wrong("spec.analysis.mirrorWeight", "A share beyond all traffic.", weighted, on(func(a *v1beta1.CanaryAnalysis) { a.MirrorWeight = 200 })),
		"FractionalStep":   wrong("spec.analysis.stepWeight", "Weights are whole.", steps(2.5, 50)),
		"NegativeStep":     wrong("spec.analysis.stepWeight", "Steps go up; this one used to go on for ever.", steps(-5, 50)),
		"HugeStep":         wrong("spec.analysis.stepWeight", "More than all traffic.", steps(150, 50)),
		"NoStep":           wrong("spec.analysis.stepWeight", "Nothing would ever advance (flaw B3).", steps(0, 50)),
		"FractionalMax":    wrong("spec.analysis.maxWeight", "Weights are whole.", steps(20, 50.5)),
		"DescendingSteps":  wrong("spec.analysis.stepWeights[1]", "A step back stood still for ever (flaw B3).", on(func(a *v1beta1.CanaryAnalysis) { a.StepWeights = []v1beta1.Number{20, 10, 30} })),
		"RepeatedSteps":    wrong("spec.analysis.stepWeights[1]", "The same weight twice is no step.", on(func(a *v1beta1.CanaryAnalysis) { a.StepWeights = []v1beta1.Number{20, 20} })),
		"StepPastHundred":  wrong("spec.analysis.stepWeights[2]", "Past 100 there is nothing to ascend to.", on(func(a *v1beta1.CanaryAnalysis) { a.StepWeights = []v1beta1.Number{20, 120, 130} })),
		"ZeroListedStep":   wrong("spec.analysis.stepWeights[0]", "Zero is where a run begins.", on(func(a *v1beta1.CanaryAnalysis) { a.StepWeights = []v1beta1.Number{0, 20} })),
		"NegativeRounds":   wrong("spec.analysis.iterations", "Iterations are counted up.", steps(20, 50), iterations(-1)),
		"FractionalRounds": wrong("spec.analysis.iterations", "And one by one.", iterations(1.5)),
		"NoCookie":         wrong("spec.analysis.sessionAffinity.cookieName", "A cookie needs a name.", weighted, affinity(), on(func(a *v1beta1.CanaryAnalysis) { a.SessionAffinity.CookieName = "" })),
		"OneCookie":        wrong("spec.analysis.sessionAffinity.primaryCookieName", "One name cannot pin to two sides.", weighted, affinity(), on(func(a *v1beta1.CanaryAnalysis) { a.SessionAffinity.PrimaryCookieName = "canary" })),
		"CookieAge":        wrong("spec.analysis.sessionAffinity.maxAge", "Seconds are whole.", weighted, affinity(), on(func(a *v1beta1.CanaryAnalysis) { a.SessionAffinity.MaxAge = 0.5 })),
		"HookURL":          wrong("spec.analysis.webhooks[0].url", "A hook is called over HTTP.", weighted, hook("", "h"), on(func(a *v1beta1.CanaryAnalysis) { a.Webhooks[0].URL = "ftp://x" })),
		"HookTimeout":      wrong("spec.analysis.webhooks[0].timeout", "A typo must not turn into ten seconds silently.", weighted, hook("", "h"), on(func(a *v1beta1.CanaryAnalysis) { a.Webhooks[0].Timeout = "10 sec" })),
		"HookRetries":      wrong("spec.analysis.webhooks[0].retries", "Retries are counted.", weighted, hook("", "h"), on(func(a *v1beta1.CanaryAnalysis) { a.Webhooks[0].Retries = 0.5 })),
		"MetricName":       wrong("spec.analysis.metrics[0].name", "Events name the metric.", weighted, metric("")),
		"NoGateway": wrong("spec.service.gatewayRefs", "An HTTPRoute without a parent routes nothing.", weighted).
			on(rollout.Capabilities{Routes: true, Gateways: true}),
		"NoMatches":            wrong("spec.analysis.match", "This provider cannot tell users apart.", iterations(2), match()).on(rollout.Capabilities{Routes: true}),
		"NoMirror":             wrong("spec.analysis.mirror", "This provider cannot copy requests.", iterations(2), mirror()).on(rollout.Capabilities{Routes: true}),
		"NoMirroredStep":       wrong("spec.analysis.mirror", "A weighted run would never leave its first step (flaw B5).", weighted, mirror()).on(rollout.Capabilities{Routes: true, Mirror: true}),
		"NoAffinity":           wrong("spec.analysis.sessionAffinity", "This provider sets no cookies.", weighted, affinity()).on(rollout.Capabilities{Routes: true}),
		"NoAffinityWithMatch":  wrong("spec.analysis.sessionAffinity", "Cookies and conditions together are beyond this one.", iterations(2), match(), affinity()).on(rollout.Capabilities{Routes: true, Match: true, Affinity: true}),
		"ForeignTemplate":      wrong("spec.analysis.metrics[0].templateRef", "Checked at every use, not only on creation (flaw B17).", weighted, metric("m"), on(func(a *v1beta1.CanaryAnalysis) { a.Metrics[0].TemplateRef = &foreign })).confined(),
		"ForeignAlertProvider": wrong("spec.analysis.alerts[0].providerRef", "The same for alerts.", weighted, on(func(a *v1beta1.CanaryAnalysis) { a.Alerts = []v1beta1.CanaryAlert{{ProviderRef: foreign}} })).confined(),
		"ForeignUpstream":      wrong("spec.upstreamRef", "The same for upstreams.", weighted, of(func(s *v1beta1.CanarySpec) { s.UpstreamRef = &foreign })).confined(),
		"ForeignMirror": wrong("spec.service.mirror[0].backendRef", "The same for mirrors.", weighted, of(func(s *v1beta1.CanarySpec) {
			namespace := gatewayv1.Namespace("other")
			s.Service.Mirror = []v1beta1.Mirror{{BackendRef: gatewayv1.BackendObjectReference{Name: "x", Namespace: &namespace}}}
		})).confined(),
		"EveryMistakeAtOnce": {
			reason: "Users mend a spec in one go, not one error at a time.",
			shapes: []shape{steps(0, 50), threshold(0.5), metric("")}, caps: mesh,
			fields: []string{"spec.analysis.threshold", "spec.analysis.stepWeight", "spec.analysis.metrics[0].name"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := rollout.NewPlan(canary(m.shapes...), m.caps, rollout.Settings{NoCrossNamespaceRefs: m.strict})
			if diff := cmp.Diff(m.fields, fields(err)); diff != "" {
				t.Errorf("%s %v\n(-want +got):\n%s", m.reason, err, diff)
			}
		})
	}
}

// fields are the fields of the mistakes that an error joins.
func fields(err error) []string {
	var found []string
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		for _, e := range joined.Unwrap() {
			var invalid *rollout.Invalid
			if errors.As(e, &invalid) && invalid.Cause != "" {
				found = append(found, invalid.Field)
			}
		}
	}
	return found
}

// TestNewPlanAllowsReferences: without the flag other namespaces are fine, with it one's own still is.
func TestNewPlanAllowsReferences(t *testing.T) {
	to := func(namespace string) shape {
		return analysis(func(a *v1beta1.CanaryAnalysis) {
			a.Metrics = []v1beta1.CanaryMetric{{Name: "m", TemplateRef: &v1beta1.CrossNamespaceObjectReference{Name: "x", Namespace: namespace}}}
		})
	}
	for _, test := range []struct {
		namespace string
		strict    bool
	}{{"other", false}, {"test", true}, {"", true}} {
		if _, err := rollout.NewPlan(canary(steps(20, 50), to(test.namespace)), mesh, rollout.Settings{NoCrossNamespaceRefs: test.strict}); err != nil {
			t.Errorf("namespace %q, flag %t: %v", test.namespace, test.strict, err)
		}
	}
}

// TestContractTexts pins what users of Flagger know word by word.
func TestContractTexts(t *testing.T) {
	for want, m := range map[string]mistake{
		"spec.service.gatewayRefs: GatewayRefs must be specified when using Gateway API as a provider.": wrong("", "", steps(20, 50)).
			on(rollout.Capabilities{Routes: true, Gateways: true}),
		"spec.analysis.sessionAffinity.primaryCookieName: can't use the same cookie name for both primary and cookie name; " +
			"please update them to be different": wrong("", "", steps(20, 50), affinity(), analysis(func(a *v1beta1.CanaryAnalysis) {
			a.SessionAffinity.PrimaryCookieName = "canary"
		})),
		"spec.analysis.metrics[0].templateRef: can't access metric template x.other, cross-namespace references are blocked": wrong("", "", steps(20, 50),
			metric("m"), analysis(func(a *v1beta1.CanaryAnalysis) {
				a.Metrics[0].TemplateRef = &v1beta1.CrossNamespaceObjectReference{Name: "x", Namespace: "other"}
			})).confined(),
	} {
		_, err := rollout.NewPlan(canary(m.shapes...), m.caps, rollout.Settings{NoCrossNamespaceRefs: m.strict})
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestLabel(t *testing.T) {
	got := []string{rollout.Weighted.Label(), rollout.ABTest.Label(), rollout.BlueGreen.Label()}
	if want := []string{"canary", "ab-testing", "blue-green"}; !slices.Equal(got, want) {
		t.Errorf("labels %v, want %v", got, want)
	}
}
