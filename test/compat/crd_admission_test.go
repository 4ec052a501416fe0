package compat

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"flagger.app/flagger/internal/testkit"
)

// baseCanary is a manifest in the style of the documentation, with %s for what a row adds to service and analysis.
const baseCanary = `
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: podinfo}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: podinfo}
  service: %s
  analysis: %s
`

const (
	plainService  = `{port: 9898}`
	plainAnalysis = `{interval: 1m, threshold: 5, stepWeight: 10}`
)

// withAnalysis is the base manifest with this analysis.
func withAnalysis(analysis string) string { return fmt.Sprintf(baseCanary, plainService, analysis) }

// withService is the base manifest with this service.
func withService(service string) string { return fmt.Sprintf(baseCanary, service, plainAnalysis) }

// weighted is an analysis by weight with further fields.
func weighted(fields string) string {
	return withAnalysis("{interval: 1m, threshold: 5, stepWeight: 10, " + fields + "}")
}

// provider is an alert provider with these fields.
func provider(fields string) string {
	return "apiVersion: flagger.app/v1beta1\nkind: AlertProvider\nmetadata: {name: p}\nspec: {" + fields + "}\n"
}

// Every rule refuses what it is for, at the field it is about, in words a user can act on.
func TestRefused(t *testing.T) {
	const (
		whole    = "must be a whole number"
		one      = "set exactly one of iterations, stepWeight and stepWeights"
		ascend   = "stepWeights must ascend"
		bounds   = "stepWeights must lie between 0 and 100"
		interval = "interval must be a duration such as 30s or 1m"
		cookies  = "primaryCookieName must differ from cookieName"
	)
	hook := func(fields string) string {
		return weighted("webhooks: [{name: a, url: 'http://a/', " + fields + "}]")
	}
	cases := map[string]struct {
		reason   string
		manifest string
		field    string
		message  string
	}{
		"NoStrategy":         {"Without a strategy nothing would ever be promoted.", withAnalysis("{interval: 1m, threshold: 5}"), "spec.analysis", one},
		"IterationsAndStep":  {"A rollout is by iterations or by weight.", weighted("iterations: 10"), "spec.analysis", one},
		"IterationsAndSteps": {"The same with a list of weights.", withAnalysis("{interval: 1m, threshold: 5, iterations: 3, stepWeights: [1]}"), "spec.analysis", one},
		"StepAndSteps":       {"Equal and listed steps exclude each other.", weighted("stepWeights: [1]"), "spec.analysis", one},
		"NoInterval":         {"The interval is mandatory.", withAnalysis("{threshold: 5, stepWeight: 10}"), "spec.analysis.interval", "Required value"},
		"NoThreshold":        {"The threshold is mandatory.", withAnalysis("{interval: 1m, stepWeight: 10}"), "spec.analysis.threshold", "Required value"},
		"IntervalUnit":       {"Hours have never been accepted.", withAnalysis("{interval: 1h, threshold: 5, stepWeight: 10}"), "spec.analysis.interval", "should match"},
		"IntervalWord":       {"1min passes the pattern but does not parse.", withAnalysis("{interval: 1min, threshold: 5, stepWeight: 10}"), "spec.analysis.interval", interval},
		"IntervalRest":       {"Nothing may follow the last unit.", withAnalysis("{interval: 1m30, threshold: 5, stepWeight: 10}"), "spec.analysis.interval", interval},
		"TimeoutWord":        {"The same for a hook.", hook("timeout: 10sec"), "spec.analysis.webhooks[0].timeout", "should match"},
		"WeightsDescend":     {"Traffic must not step back.", withAnalysis("{interval: 1m, threshold: 5, stepWeights: [10, 5]}"), "spec.analysis.stepWeights", ascend},
		"WeightsRepeat":      {"A step that changes nothing would be taken for ever.", withAnalysis("{interval: 1m, threshold: 5, stepWeights: [5, 5]}"), "spec.analysis.stepWeights", ascend},
		"WeightsAbove":       {"There is no more than all traffic.", withAnalysis("{interval: 1m, threshold: 5, stepWeights: [50, 101]}"), "spec.analysis.stepWeights", bounds},
		"WeightsBelow":       {"There is no less than none.", withAnalysis("{interval: 1m, threshold: 5, stepWeights: [-1, 50]}"), "spec.analysis.stepWeights", bounds},
		"CookieNames":        {"One cookie cannot tell two sides.", weighted("sessionAffinity: {cookieName: a, primaryCookieName: a}"), "spec.analysis.sessionAffinity", cookies},
		"FractionOfSteps":    {"Weights are whole percents.", withAnalysis("{interval: 1m, threshold: 5, stepWeights: [2.5]}"), "spec.analysis.stepWeights[0]", whole},
		"FractionOfStep":     {"The same for equal steps.", withAnalysis("{interval: 1m, threshold: 5, stepWeight: 2.5}"), "spec.analysis.stepWeight", whole},
		"FractionOfChecks":   {"Checks are counted.", withAnalysis("{interval: 1m, threshold: 5.5, stepWeight: 1}"), "spec.analysis.threshold", whole},
		"FractionOfRounds":   {"Iterations are counted.", withAnalysis("{interval: 1m, threshold: 5, iterations: 1.5}"), "spec.analysis.iterations", whole},
		"FractionOfMax":      {"Percents again.", weighted("maxWeight: 50.5"), "spec.analysis.maxWeight", whole},
		"FractionOfReady":    {"Percents of pods.", weighted("primaryReadyThreshold: 0.5"), "spec.analysis.primaryReadyThreshold", whole},
		"FractionOfRetries":  {"Attempts are counted.", hook("retries: 0.5"), "spec.analysis.webhooks[0].retries", whole},
		"FractionOfAge":      {"Cookies live for whole seconds.", weighted("sessionAffinity: {cookieName: a, maxAge: 0.5}"), "spec.analysis.sessionAffinity.maxAge", whole},
		"FractionOfPort":     {"A port is a whole number.", withService("{port: 80.5}"), "spec.service.port", whole},
		"HugeNumber":         {"A number beyond 64 bits is no whole number either.", weighted("maxWeight: 1.0e+300"), "spec.analysis.maxWeight", whole},
		"TargetPort":         {"No port is above 65535.", withService("{port: 80, targetPort: 3000000000}"), "spec.service.targetPort", "targetPort must be"},
		"WideInteger":        {"32 bits are what the decoder takes.", withService("{port: 80, retries: {attempts: 3000000000}}"), "spec.service.retries.attempts", "int32"},
		"OnProviderError":    {"Only two answers are defined.", weighted("onProviderError: ignore"), "spec.analysis.onProviderError", "Unsupported value"},
		"MirrorWithoutPort":  {"A Service cannot be called without a port.", withService("{port: 80, mirror: [{backendRef: {name: shadow}}]}"), "spec.service.mirror[0].backendRef", "Must have port for Service reference"},
		"TwoMatches":         {"A string is matched in one way.", withService("{port: 80, match: [{uri: {exact: a, prefix: b}}]}"), "spec.service.match[0].uri", "oneOf"},
		"TwoAlgorithms":      {"One algorithm chooses the pod.", withService("{port: 80, trafficPolicy: {loadBalancer: {simple: RANDOM, consistentHash: {useSourceIp: true}}}}"), "spec.service.trafficPolicy.loadBalancer", "oneOf"},
		"NoAddress":          {"An alert needs somewhere to go.", provider("type: slack"), "spec", "set address or secretRef"},
		"NamelessSecret":     {"A reference names something.", provider("type: slack, secretRef: {}"), "spec.secretRef.name", "Required value"},
		"UnknownProvider":    {"googlechat is spelled gchat.", provider("type: googlechat, address: a"), "spec.type", "Unsupported value"},
	}
	c := cluster(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := dryRun(t, c, tc.manifest)
			if !causedBy(err, tc.field, tc.message) {
				t.Errorf("%s\nwant a refusal of %s with %q, got: %v", tc.reason, tc.field, tc.message, err)
			}
			if err != nil && strings.Contains(err.Error(), "evaluating rule") {
				t.Errorf("a rule failed instead of saying no, which shuts out objects stored before it: %v", err)
			}
		})
	}
}

// What the documentation shows, and what has always gone through, still does.
func TestAccepted(t *testing.T) {
	cases := map[string]struct {
		reason   string
		manifest string
	}{
		"Weights":          {"The first example of the documentation.", weighted("maxWeight: 50, metrics: [{name: request-success-rate, thresholdRange: {min: 99}, interval: 1m}, {name: request-duration, thresholdRange: {max: 500}, interval: 30s}]")},
		"NoMaxWeight":      {"maxWeight has a default.", withAnalysis(plainAnalysis)},
		"LegacyThreshold":  {"Older manifests bound a metric by threshold.", weighted("metrics: [{name: request-success-rate, threshold: 99, interval: 1m}]")},
		"Fraction":         {"Bounds of metrics may be fractions.", weighted("metrics: [{name: a, threshold: 0.5}, {name: b, thresholdRange: {max: 0.01}}]")},
		"GraphiteWindow":   {"Graphite counts in 1min; the window is the provider's to read.", weighted("metrics: [{name: a, interval: 1min, templateRef: {name: a}}]")},
		"ShortInterval":    {"Whatever passes pattern and parser passes, however odd.", withAnalysis("{interval: 5ms, threshold: 5, stepWeight: 10}")},
		"OddInterval":      {"So does a duration with fractions.", withAnalysis("{interval: 1m.5s, threshold: 5, stepWeight: 10}")},
		"LongInterval":     {"Compound durations pass pattern and parser.", withAnalysis("{interval: 1m30s, threshold: 5, stepWeight: 10}")},
		"WholeAsFloat":     {"5.0 is a whole number.", withAnalysis("{interval: 30s, threshold: 5.0, stepWeight: 10.0}")},
		"SmallThreshold":   {"0 and less count as 1.", withAnalysis("{interval: 10s, threshold: 0, stepWeight: 10}")},
		"AllTraffic":       {"The last listed step may be all traffic.", withAnalysis("{interval: 1m, threshold: 5, stepWeights: [0, 1, 2, 10, 80, 100]}")},
		"OneStep":          {"One listed step is a list.", withAnalysis("{interval: 1m, threshold: 5, stepWeights: [50]}")},
		"MaxAbove":         {"maxWeight and stepWeight had no bounds.", weighted("maxWeight: 120")},
		"ABTest":           {"Users by header and cookie.", withAnalysis("{interval: 1m, threshold: 5, iterations: 10, match: [{headers: {user-agent: {regex: '.*Firefox.*'}}}, {headers: {cookie: {regex: '^(.*?;)?(type=insider)(;.*)?$'}}}]}")},
		"BlueGreen":        {"Iterations without a match, with mirroring.", withAnalysis("{interval: 1m, threshold: 5, iterations: 10, mirror: true}")},
		"Affinity":         {"A cookie name is all that affinity needs.", weighted("sessionAffinity: {cookieName: flagger-cookie}")},
		"Hooks":            {"Each type of hook, and none.", weighted("webhooks: [{name: a, type: confirm-rollout, url: 'http://a/gate/check'}, {name: b, type: rollback, url: 'http://a/'}, {name: c, url: 'http://a/', timeout: 5s, metadata: {cmd: x}}, {name: d, type: '', url: 'http://a/', timeout: 2m}]")},
		"Alerts":           {"An alert with and without a severity.", weighted("alerts: [{name: a, severity: error, providerRef: {name: p}}, {name: b, providerRef: {name: p, namespace: q}}]")},
		"EmptyMirror":      {"The published schema let an item without a destination pass.", withService("{port: 80, mirror: [{}]}")},
		"MirrorDefaults":   {"A mirror is a Service unless it says otherwise.", withService("{port: 80, mirror: [{backendRef: {name: shadow, port: 80}}]}")},
		"GatewayDefaults":  {"A parent is a Gateway unless it says otherwise.", withService("{port: 80, gatewayRefs: [{name: public, namespace: infra}]}")},
		"NamedPort":        {"Container ports have names.", withService("{port: 80, targetPort: http}")},
		"UnsetPort":        {"0 counts as unset.", withService("{port: 80, targetPort: 0}")},
		"HashBesideSimple": {"An incomplete hash beside a simple algorithm was never looked at.", withService("{port: 80, trafficPolicy: {loadBalancer: {simple: RANDOM, consistentHash: {minimumRingSize: 9}}}}")},
		"NoService":        {"The Service section is optional.", strings.Replace(withAnalysis(plainAnalysis), "  service: {port: 9898}\n", "", 1)},
		"SecretAddress":    {"The address may stand in a Secret.", provider("type: discord, secretRef: {name: p}")},
		"PlainAddress":     {"Or in the open.", provider("type: rocket, address: 'https://a/'")},
	}
	c := cluster(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := dryRun(t, c, tc.manifest); err != nil {
				t.Errorf("%s\nrefused: %v", tc.reason, err)
			}
		})
	}
}

// Keys that the published schema pruned are pruned, so that no rubbish behind them can refuse an object.
func TestPruned(t *testing.T) {
	c := client.WithFieldValidation(cluster(t), metav1.FieldValidationIgnore)
	manifest := strings.Replace(withService("{port: 80, match: [{uri: {prefix: /, suffix: 1}}]}"),
		"  analysis:", "  canaryAnalysis: 1\n  analysis:", 1)
	u := parse(t, []byte(manifest))
	u.SetNamespace(testkit.NewNamespace(t, c))
	if err := c.Create(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	match, _, _ := unstructured.NestedSlice(u.Object, "spec", "service", "match")
	if got, want := fmt.Sprint(match), "[map[uri:map[prefix:/]]]"; got != want {
		t.Errorf("match: want %s, got %s", want, got)
	}
	if _, found, _ := unstructured.NestedFieldNoCopy(u.Object, "spec", "canaryAnalysis"); found {
		t.Error("canaryAnalysis: want it pruned")
	}
}

// The API server fills in what the contract says it fills in.
func TestDefaults(t *testing.T) {
	c := cluster(t)
	manifest := fmt.Sprintf(baseCanary,
		"{port: 80, gatewayRefs: [{name: g}], mirror: [{backendRef: {name: s, port: 80}}]}",
		"{interval: 1m, threshold: 5, stepWeight: 10, sessionAffinity: {cookieName: a}}")
	want := fmt.Sprintf(baseCanary,
		`{port: 80, gatewayRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}],
		  mirror: [{backendRef: {group: "", kind: Service, name: s, port: 80}}]}`,
		"{interval: 1m, threshold: 5, stepWeight: 10, sessionAffinity: {cookieName: a, maxAge: 86400}}")
	u := parse(t, []byte(manifest))
	u.SetNamespace(testkit.NewNamespace(t, c))
	if err := c.Create(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if got, want := text(t, u.Object["spec"]), text(t, parse(t, []byte(want)).Object["spec"]); got != want {
		t.Errorf("want:\n%s\ngot:\n%s", want, got)
	}
}

func text(t *testing.T, value any) string {
	t.Helper()
	raw, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// dryRun asks the API server to admit a manifest without storing it.
func dryRun(t *testing.T, c client.Client, manifest string) error {
	t.Helper()
	u := parse(t, []byte(manifest))
	u.SetNamespace("default")
	return c.Create(t.Context(), u, client.DryRunAll)
}

// causedBy reports whether the API server refused an object because of field, with message in its words. Where an
// alternative or a format is not met, the API server names the field in its words alone.
func causedBy(err error, field, message string) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || !apierrors.IsInvalid(err) || status.Status().Details == nil {
		return false
	}
	for _, cause := range status.Status().Details.Causes {
		named := cause.Field == field || cause.Field == "<nil>" && strings.Contains(cause.Message, field)
		if named && strings.Contains(cause.Message, message) {
			return true
		}
	}
	return false
}
