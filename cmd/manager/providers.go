package main

import (
	"time"

	"k8s.io/client-go/rest"

	"flagger.app/flagger/internal/controller"
	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/cloudwatch"
	"flagger.app/flagger/internal/metrics/datadog"
	"flagger.app/flagger/internal/metrics/dynatrace"
	"flagger.app/flagger/internal/metrics/externalmetrics"
	"flagger.app/flagger/internal/metrics/graphite"
	"flagger.app/flagger/internal/metrics/influxdb"
	"flagger.app/flagger/internal/metrics/keptn"
	"flagger.app/flagger/internal/metrics/newrelic"
	"flagger.app/flagger/internal/metrics/prometheus"
	"flagger.app/flagger/internal/metrics/splunk"
	"flagger.app/flagger/internal/metrics/stackdriver"
	"flagger.app/flagger/internal/notify"
	"flagger.app/flagger/internal/notify/gchat"
	"flagger.app/flagger/internal/notify/msteams"
	"flagger.app/flagger/internal/notify/slack"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/apisix"
	"flagger.app/flagger/internal/router/appmesh"
	"flagger.app/flagger/internal/router/contour"
	"flagger.app/flagger/internal/router/gatewayapi"
	"flagger.app/flagger/internal/router/gloo"
	"flagger.app/flagger/internal/router/istio"
	"flagger.app/flagger/internal/router/knative"
	"flagger.app/flagger/internal/router/kubernetes"
	"flagger.app/flagger/internal/router/kuma"
	"flagger.app/flagger/internal/router/nginx"
	"flagger.app/flagger/internal/router/skipper"
	"flagger.app/flagger/internal/router/smi"
	"flagger.app/flagger/internal/router/traefik"
	"flagger.app/flagger/internal/workload"
)

// routingProviders are the values of spec.provider and -mesh-provider.
func routingProviders(o *options) []router.Row {
	return []router.Row{
		kubernetes.Row(),
		gatewayapi.Row(gatewayapi.V1),
		gatewayapi.Row(gatewayapi.V1beta1),
		nginx.Row(o.ingressAnnotationsPrefix),
		traefik.Row(),
		apisix.Row(),
		istio.Row(),
		contour.Row(o.ingressClass),
		gloo.Row(splitList(o.includeLabelPrefix)),
		skipper.Row(),
		kuma.Row(),
		appmesh.Row(appmesh.V1beta1),
		appmesh.Row(appmesh.V1beta2),
		knative.Row(),
		smi.Row(smi.Linkerd),
		smi.Row(smi.OSM),
		smi.Row(smi.V1alpha1),
		smi.Row(smi.V1alpha2),
		smi.Row(smi.V1alpha3),
		smi.Row(smi.IstioV1alpha1),
		smi.Row(smi.IstioV1alpha2),
		smi.Row(smi.IstioV1alpha3),
	}
}

// metricProviders are the values of a MetricTemplate's spec.provider.type. own leads to the cluster that those ask which
// are part of it.
func metricProviders(own *rest.Config) map[string]metrics.Factory {
	return map[string]metrics.Factory{
		"prometheus":      prometheus.New,
		"datadog":         datadog.New(time.Now),
		"cloudwatch":      cloudwatch.New(time.Now),
		"newrelic":        newrelic.New,
		"graphite":        graphite.New,
		"stackdriver":     stackdriver.New,
		"influxdb":        influxdb.New,
		"dynatrace":       dynatrace.New,
		"keptn":           keptn.NewFactory(own),
		"splunk":          splunk.New,
		"externalmetrics": externalmetrics.NewFactory(own),
	}
}

// chatServices are the values of an AlertProvider's spec.type.
func chatServices() []notify.Service {
	return []notify.Service{
		slack.Row(slack.Slack),
		slack.Row(slack.Discord),
		slack.Row(slack.Rocket),
		msteams.Row(),
		gchat.Row(),
	}
}

// targetKinds are the values of spec.targetRef.kind.
func targetKinds(o workload.Options) map[string]workload.Target {
	return map[string]workload.Target{
		"Deployment": workload.NewDeployment(o),
		"DaemonSet":  workload.NewDaemonSet(o),
		"Service":    workload.NewPlainService(o),

		controller.KnativeService: workload.NewKnativeService(o),
	}
}

// serviceKinds are the kinds of target whose Services we make.
func serviceKinds(o workload.Options) map[string]workload.Services {
	return map[string]workload.Services{
		"Deployment": workload.NewServices(o),
		"DaemonSet":  workload.NewServices(o),
		"Service":    workload.NewPlainService(o),

		controller.KnativeService: workload.NewKnativeService(o),
	}
}

// routingNames are the routing providers' names, in the order of the table.
func routingNames() []string {
	var names []string
	for _, row := range routingProviders(&options{}) {
		names = append(names, row.Provider)
	}
	return names
}
