package main

import "slices"

// amendments holds what each CRD needs beyond its markers, by file name.
var amendments = map[string][]amendment{
	"flagger.app_canaries.yaml":        slices.Concat(references, serviceMatch, trafficPolicy, analysis, gatewayAPI, times),
	"flagger.app_metrictemplates.yaml": secret("spec.provider.secretRef"),
	"flagger.app_alertproviders.yaml":  secret("spec.secretRef"),
}

// references share Go types but not their rules. The deprecated spec.canaryAnalysis has never been published.
var references = []amendment{
	{[]string{"spec"}, drop("canaryAnalysis")},
	{[]string{"spec.targetRef.kind"}, only("DaemonSet", "Deployment", "Service")},
	{[]string{"spec.ingressRef.kind"}, only("Ingress")},
	{[]string{"spec.routeRef.kind"}, only("ApisixRoute")},
	{[]string{"spec.upstreamRef.kind"}, only("Upstream")},
	{[]string{"spec.upstreamRef"}, require("apiVersion", "kind")},
	{
		[]string{"spec.analysis.metrics[].templateRef", "spec.analysis.alerts[].providerRef"},
		drop("apiVersion", "kind"),
	},
}

// serviceMatch holds the string matches that Istio itself would take: no suffix, and at most one kind of match.
var serviceMatch = []amendment{
	{istioMatches, drop("suffix")},
	{[]string{"spec.service.corsPolicy.allowOrigins[]"}, drop("suffix")},
	{istioMatches, atMostOneMatch},
	{[]string{"spec.service.corsPolicy.allowOrigins[]"}, alternatives(eachOf("exact", "prefix", "regex")...)},
}

var istioMatches = []string{
	"spec.service.match[].authority",
	"spec.service.match[].method",
	"spec.service.match[].scheme",
	"spec.service.match[].uri",
	"spec.service.match[].headers{}",
	"spec.service.match[].queryParams{}",
	"spec.service.match[].withoutHeaders{}",
	"spec.analysis.match[].queryParams{}",
}

var atMostOneMatch = alternatives(append(eachOf("exact", "prefix", "regex"), noneOf("exact", "prefix", "regex"))...)

// trafficPolicy checks the hash key only where the hash is the one algorithm given, as it has always been published.
var trafficPolicy = []amendment{
	{[]string{"spec.service.trafficPolicy.loadBalancer"}, alternatives(
		with("simple"),
		schema{
			Required: []string{"consistentHash"},
			Properties: map[string]schema{"consistentHash": {
				OneOf: eachOf("httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"),
			}},
		},
	)},
}

// analysis matches users by three properties alone; other keys are pruned.
var analysis = []amendment{
	{[]string{"spec.analysis.match[]"}, keep("headers", "queryParams", "sourceLabels")},
	{[]string{"spec.analysis.match[].headers{}"}, alternatives(eachOf("exact", "prefix", "suffix", "regex")...)},
	{[]string{"spec.analysis.stepWeights[]"}, describe(map[string]string{"": "Weight of the canary, in percent."})},
}

// gatewayAPI says in few words what the embedded types of Gateway API say in many.
var gatewayAPI = []amendment{
	{[]string{"spec.service.gatewayRefs[]"}, describe(map[string]string{
		"":            "A parent of the generated route, usually a Gateway.",
		"group":       "API group of the parent; empty is the core group.",
		"kind":        "Kind of the parent.",
		"name":        "Name of the parent.",
		"namespace":   "Namespace of the parent. Unset means the namespace of the canary.",
		"port":        "Port of the parent. Unset means every port.",
		"sectionName": "Name of the listener, or of the port of a Service. Unset means all.",
	})},
	{[]string{"spec.service.mirror[].backendRef"}, describe(map[string]string{
		"":          "The destination; a Service needs a port.",
		"group":     "API group of the destination; empty is the core group.",
		"kind":      "Kind of the destination.",
		"name":      "Name of the destination.",
		"namespace": "Namespace of the destination. Unset means the namespace of the canary.",
		"port":      "Port of the destination.",
	})},
}

// times in microseconds decode with exactly six digits after the second; others must not get as far as a decoder.
var times = []amendment{
	{
		[]string{"status.lastAnalysisTime", "status.lastRouteTime"},
		matching(`\.[0-9]{6}(Z|[+-][0-9]{2}:[0-9]{2})$`),
	},
}

// secret makes the name of a Secret mandatory; the core type leaves it open.
func secret(path string) []amendment {
	return []amendment{
		{[]string{path}, require("name")},
		{[]string{path + ".name"}, withoutDefault},
		{[]string{path}, describe(map[string]string{
			"":     "A Secret in the same namespace.",
			"name": "Name of the Secret.",
		})},
	}
}
