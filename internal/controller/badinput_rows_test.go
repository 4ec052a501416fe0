package controller

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

// badSpecs are mistakes in fields that one object can tell. The CRD's own rules refuse most of them at the door, but not
// those of canaries that were stored before there were rules.
var badSpecs = map[string]badInput{
	"KnativeWithoutItsProvider": {
		reason: "Nobody else can route to its revisions.",
		wrong:  `{spec: {targetRef: {apiVersion: serving.knative.dev/v1, kind: Service}}}`,
		says:   []string{"spec.provider", "can't use gatewayapi:v1 provider with Knative Service as target"},
		mend:   `{spec: {targetRef: {apiVersion: apps/v1, kind: Deployment}}}`,
	},
	"ProviderUnknown": {
		reason: "A provider that is not there is never taken for another.",
		wrong:  `{spec: {provider: istio}}`,
		says:   []string{"spec.provider", `unknown provider "istio"`, "gatewayapi:v1"},
		mend:   `{spec: {provider: "gatewayapi:v1"}}`,
	},
	"IntervalUnparsable": {
		reason: "A pace that cannot be read must not become a default.",
		wrong:  `{spec: {analysis: {interval: 10sx}}}`,
		says:   []string{"spec.analysis.interval", `"10sx" is not a duration`},
		mend:   `{spec: {analysis: {interval: 10s}}}`,
	},
	"StepWeightZero": {
		reason: "Steps of nothing never arrive.",
		wrong:  `{spec: {analysis: {stepWeights: null, stepWeight: 0}}}`,
		says:   []string{"spec.analysis.stepWeight", "at least 1"},
		mend:   `{spec: {analysis: {stepWeight: 50}}}`,
	},
	"StepWeightsDescending": {
		reason: "Weights that go down would take users back before the end.",
		wrong:  `{spec: {analysis: {stepWeights: [50, 20]}}}`,
		says:   []string{"spec.analysis.stepWeights[1]", "20 does not follow 50"},
		mend:   `{spec: {analysis: {stepWeights: [20, 50]}}}`,
	},
	"FractionOfAWeight": {
		reason: "Half a percent cannot be routed.",
		wrong:  `{spec: {analysis: {stepWeights: [12.5]}}}`,
		says:   []string{"spec.analysis.stepWeights[0]", "12.5 is not a whole number"},
		mend:   `{spec: {analysis: {stepWeights: [12]}}}`,
	},
	"FractionOfAFailure": {
		reason: "Checks are counted one by one.",
		wrong:  `{spec: {analysis: {threshold: 1.5}}}`,
		says:   []string{"spec.analysis.threshold", "1.5 is not a whole number"},
		mend:   `{spec: {analysis: {threshold: 1}}}`,
	},
	"ReadinessAboveAll": {
		reason: "More than all pods are never ready.",
		wrong:  `{spec: {analysis: {primaryReadyThreshold: 101}}}`,
		says:   []string{"spec.analysis.primaryReadyThreshold", "101 is not between 0 and 100"},
		mend:   `{spec: {analysis: {primaryReadyThreshold: 100}}}`,
	},
	"WebhookWithoutAddress": {
		reason: "A gate that cannot be asked would stay closed for ever.",
		wrong:  `{spec: {analysis: {webhooks: [{name: gate, url: "ftp://me:s3cret@gate"}]}}}`,
		says:   []string{"spec.analysis.webhooks[0].url", `"***@gate" is not an http or https URL`},
		mend:   `{spec: {analysis: {webhooks: []}}}`,
	},
	"WebhookTimeoutUnparsable": {
		reason: "A patience that no clock can hold is no default.",
		wrong:  `{spec: {analysis: {webhooks: [{name: gate, url: "http://gate.invalid", timeout: 99999999999999999999s}]}}}`,
		says:   []string{"spec.analysis.webhooks[0].timeout", "99999999999999999999s"},
		mend:   `{spec: {analysis: {webhooks: []}}}`,
	},
	"SeveralMistakes": {
		reason: "All mistakes are told at once, so that they are mended at once.",
		wrong:  `{spec: {service: {port: 0}, analysis: {threshold: 1.5}}}`,
		says:   []string{"spec.service.port", "spec.analysis.threshold"},
		mend:   `{spec: {service: {port: 80}, analysis: {threshold: 1}}}`,
	},
}

// badTraffic are wishes that the Services or the provider cannot fulfil.
var badTraffic = map[string]badInput{
	"PortZero": {
		reason: "A Service has a port.",
		wrong:  `{spec: {service: {port: 0}}}`,
		says:   []string{"spec.service.port", "0 is not between 1 and 65535"},
		mend:   `{spec: {service: {port: 80}}}`,
	},
	"PortTooHigh": {
		reason: "There is no such port.",
		wrong:  `{spec: {service: {port: 70000}}}`,
		says:   []string{"spec.service.port", "70000 is not between 1 and 65535"},
		mend:   `{spec: {service: {port: 80}}}`,
	},
	"TargetPortTooHigh": {
		reason: "There is no such port either.",
		wrong:  `{spec: {service: {targetPort: 70000}}}`,
		says:   []string{"spec.service.targetPort", "70000 is not between 1 and 65535"},
		mend:   `{spec: {service: {targetPort: http}}}`,
	},
	"TargetPortNoName": {
		reason: "What the API server refuses is told in its words, which name the field.",
		wrong:  `{spec: {service: {targetPort: not_a_port_name}}}`,
		says:   []string{"web-canary", "spec.ports[0].targetPort", "not_a_port_name"},
		mend:   `{spec: {service: {targetPort: http}}}`,
	},
	"GatewaysMissing": {
		reason: "A route that hangs on no gateway serves nobody.",
		wrong:  `{spec: {service: {gatewayRefs: null}}}`,
		says:   []string{"spec.service.gatewayRefs", "GatewayRefs must be specified when using Gateway API as a provider."},
		mend:   `{spec: {service: {gatewayRefs: [{name: edge}]}}}`,
	},
	"HostNoName": {
		reason: "What the CRD of the route refuses is told in its words.",
		wrong:  `{spec: {service: {hosts: ["no host"]}}}`,
		says:   []string{"HTTPRoute web.ns", "spec.hostnames[0]", "no host"},
		mend:   `{spec: {service: {hosts: [web.example.com]}}}`,
	},
	"TimeoutOfNoKind": {
		reason: "The Gateway API knows fewer durations than Go.",
		wrong:  `{spec: {service: {timeout: 1.5s}}}`,
		says:   []string{"service.timeout", `"1.5s"`},
		mend:   `{spec: {service: {timeout: 1500ms}}}`,
	},
	"SameCookieTwice": {
		reason: "One cookie cannot pin to both sides.",
		canary: []testkit.CanaryOption{testkit.Affinity("side", "side")},
		says:   []string{"spec.analysis.sessionAffinity.primaryCookieName", "can't use the same cookie name"},
		mend:   `{spec: {analysis: {sessionAffinity: {primaryCookieName: primary}}}}`,
	},
	"AffinityWithMatch": {
		reason: "Who matches is decided by the request, so no cookie may decide too.",
		canary: []testkit.CanaryOption{
			testkit.Iterations(2), testkit.MatchHeader("x-canary", "insider"), testkit.Affinity("side", ""),
		},
		says: []string{"spec.analysis.sessionAffinity", "spec.analysis.match"},
		mend: `{spec: {analysis: {sessionAffinity: null}}}`,
	},
	"PrefixOfAHeader": {
		reason: "The Gateway API cannot match a prefix, and every user would meet the canary.",
		wrong: `{spec: {analysis: {stepWeights: null, iterations: 2,
			match: [{headers: {user-agent: {prefix: insider}}}]}}}`,
		says: []string{"Invalid request matching selectors", "insider"},
		mend: `{spec: {analysis: {match: [{headers: {user-agent: {exact: insider}}}]}}}`,
	},
	"MirrorNotSupported": {
		reason: "Mirroring that is silently left out is no test.",
		canary: []testkit.CanaryOption{testkit.Provider("nginx"), testkit.Mirror()},
		says:   []string{"spec.analysis.mirror", "cannot mirror"},
		mend:   `{spec: {analysis: {mirror: false}}}`,
	},
	"MatchNotSupported": {
		reason: "An A/B test without a condition is none.",
		canary: []testkit.CanaryOption{
			testkit.Provider("nginx"), testkit.Iterations(2), testkit.MatchHeader("x-canary", "insider"),
		},
		says: []string{"spec.analysis.match", "cannot match requests"},
		mend: `{spec: {analysis: {match: null}}}`,
	},
}

// badMetrics are references that lead nowhere.
var badMetrics = map[string]badInput{
	"TemplateMissing": {
		reason:   "A metric that cannot be asked for is told before a release depends on it.",
		operator: measured,
		wrong:    `{spec: {analysis: {metrics: [{name: latency, templateRef: {name: latency}, thresholdRange: {max: 1}}]}}}`,
		says:     []string{"metric template latency.ns", "not found"},
		touches:  []string{"Deployment web"},
		mending:  func(w *world) { w.apply(template(w.metrics, "")) },
	},
	"SecretMissing": {
		reason:   "So are credentials that are not there.",
		operator: measured,
		arrange:  func(w *world) { w.apply(template(w.metrics, "token")) },
		wrong:    `{spec: {analysis: {metrics: [{name: latency, templateRef: {name: latency}, thresholdRange: {max: 1}}]}}}`,
		says:     []string{"metric template latency.ns secret token", "not found"},
		touches:  []string{"Deployment web"},
		mending: func(w *world) {
			w.apply(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "token"}, StringData: map[string]string{"token": "t0k3n"}})
		},
	},
	"TemplateElsewhere": {
		reason:   "Where references to other namespaces are blocked, each is told with its field.",
		operator: func(w *world) { w.options.Settings.NoCrossNamespaceRefs = true },
		wrong:    `{spec: {analysis: {metrics: [{name: latency, templateRef: {name: latency, namespace: other}}]}}}`,
		says:     []string{"spec.analysis.metrics[0].templateRef", "latency.other", "cross-namespace references are blocked"},
		mend:     `{spec: {analysis: {metrics: []}}}`,
	},
	"AlertsElsewhere": {
		reason:   "The same holds for who is alerted.",
		operator: func(w *world) { w.options.Settings.NoCrossNamespaceRefs = true },
		wrong:    `{spec: {analysis: {alerts: [{name: chat, providerRef: {name: chat, namespace: other}}]}}}`,
		says:     []string{"spec.analysis.alerts[0].providerRef", "chat.other", "cross-namespace references are blocked"},
		mend:     `{spec: {analysis: {alerts: []}}}`,
	},
}

// badObjects are objects that are missing, in the way, or not as they must be.
var badObjects = map[string]badInput{
	"TargetMissing": {
		reason:  "A canary may be applied before its target.",
		target:  func() *appsv1.Deployment { return nil },
		says:    []string{"deployment web.ns", "not found"},
		mending: func(w *world) { w.apply(testkit.Deployment("app:1")); w.settle() },
	},
	"SelectorLabelMissing": {
		reason: "Without a label that tells pods apart, users would meet both sides.",
		target: labelledTier,
		says:   []string{"deployment web.ns", "spec.selector.matchLabels must contain one of [app name app.kubernetes.io/name]"},
		mending: func(w *world) {
			w.remove(testkit.Deployment(""))
			w.apply(testkit.Deployment("app:1"))
			w.settle()
		},
	},
	"PrimaryOfSomebodyElse": {
		reason:  "Nobody else's Deployment is overwritten.",
		arrange: func(w *world) { w.apply(namedDeployment("web-primary")) },
		says:    []string{"deployment web-primary.ns", "belongs to somebody else"},
		mending: func(w *world) { w.remove(namedDeployment("web-primary")) },
	},
	"ServiceOfSomebodyElse": {
		reason:  "Nobody else's Service is overwritten.",
		arrange: func(w *world) { w.apply(namedService("web-canary")) },
		says:    []string{"service web-canary.ns", "belongs to somebody else"},
		mending: func(w *world) { w.remove(namedService("web-canary")) },
	},
	"RouteOfSomebodyElse": {
		reason: "Nor is a route that another controller made.",
		arrange: func(w *world) {
			route := testkit.HTTPRoute()
			route.OwnerReferences = []metav1.OwnerReference{{
				APIVersion: "apps/v1", Kind: "Deployment", Name: "keeper", UID: "1", Controller: new(true),
			}}
			w.apply(route)
		},
		says:    []string{"HTTPRoute web.ns", "Deployment keeper", "belongs to somebody else"},
		mending: func(w *world) { w.remove(testkit.HTTPRoute()) },
	},
	"RouteCRDMissing": {
		reason:   "What must be installed is named.",
		operator: func(w *world) { w.pipe.lacks = routeKind },
		says:     []string{"the CRD of HTTPRoute in gateway.networking.k8s.io/v1 is not installed"},
		mending:  func(w *world) { w.pipe.lacks = schema.GroupKind{} },
	},
	"CanaryCRDOld": {
		reason:   "Under a CRD that drops our times nothing may move, and the user is told which to apply.",
		operator: func(w *world) { w.pipe.prunes = true },
		says:     []string{"canaries.flagger.app", "older than this operator"},
		mending:  func(w *world) { w.pipe.prunes = false },
	},
	"SecondCanary": {
		reason: "Two canaries would pull one target to and fro; the older keeps it.",
		arrange: func(w *world) {
			w.apply(testkit.Deployment("app:1"), testkit.Canary(testkit.Named("elder")))
			w.settle()
			for range 8 {
				if _, err := w.reconcile("elder"); err != nil {
					w.Fatal(err)
				}
				w.settle()
			}
			w.events.Reset()
		},
		target: func() *appsv1.Deployment { return nil },
		says:   []string{"spec.targetRef.name", "Deployment web is the target of the older canary elder already"},
		mending: func(w *world) {
			elder := &v1beta1.Canary{}
			w.get("elder", elder)
			w.remove(testkit.Canary(testkit.Named("elder")))
			w.collect(elder.UID)
		},
	},
}

func labelledTier() *appsv1.Deployment {
	d := testkit.Deployment("app:1")
	labels := map[string]string{"tier": "front"}
	d.Spec.Selector.MatchLabels, d.Spec.Template.Labels = labels, labels
	return d
}

func namedDeployment(name string) *appsv1.Deployment {
	d := testkit.Deployment("other:1")
	d.Name = name
	return d
}

func namedService(name string) *corev1.Service {
	s := testkit.Service()
	s.Name = name
	return s
}
