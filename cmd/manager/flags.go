package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"k8s.io/klog/v2"

	"flagger.app/flagger/internal/daemon"
)

// environment holds the variables that override a flag.
var environment = []struct{ variable, flag string }{
	{"SLACK_URL", "slack-url"},
	{"SLACK_TOKEN", "slack-token"},
	{"SLACK_PROXY_URL", "slack-proxy-url"},
	{"MSTEAMS_URL", "msteams-url"},
	{"MSTEAMS_PROXY_URL", "msteams-proxy-url"},
	{"EVENT_WEBHOOK_URL", "event-webhook"},
	{"OTEL_EXPORTER_OTLP_ENDPOINT", "otlp-endpoint"},
}

// parse reads the command line, without the program's name, and applies the environment. What is wrong with it is
// told on stderr, as is the help; the error is then flag.ErrHelp or says that the arguments cannot be read.
//
// The flags live in a set of their own: libraries define some of the same names on the default one.
func parse(args []string, getenv func(string) string, stderr io.Writer) (*options, error) {
	o := &options{}
	fs := flag.NewFlagSet("flagger", flag.ContinueOnError)
	fs.SetOutput(stderr)
	clusterFlags(fs, o)
	rolloutFlags(fs, o)
	notificationFlags(fs, o)
	processFlags(fs, o)
	klog.InitFlags(fs)

	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	for _, e := range environment {
		if value := getenv(e.variable); value != "" {
			if err := fs.Set(e.flag, value); err != nil {
				return nil, fmt.Errorf("apply %s: %w", e.variable, err)
			}
		}
	}
	return o, nil
}

func clusterFlags(fs *flag.FlagSet, o *options) {
	fs.StringVar(&o.kubeconfig, "kubeconfig", "",
		"`path` of a kubeconfig; needed only outside the cluster")
	fs.StringVar(&o.master, "master", "",
		"`URL` of the API server, instead of the kubeconfig's; needed only outside the cluster")
	fs.IntVar(&o.qps, "kubeconfig-qps", 100,
		"requests per second, on average, that the API server gets at most for each kind of object; events and the lease count by themselves")
	fs.IntVar(&o.burst, "kubeconfig-burst", 250,
		"requests that the API server gets at most at once for each kind of object")
	fs.StringVar(&o.kubeconfigServiceMesh, "kubeconfig-service-mesh", "",
		"`path` of a kubeconfig of the cluster that holds the routing objects; empty for the canaries' own cluster")
	fs.StringVar(&o.namespace, "namespace", "",
		"the only `namespace` whose canaries, metric templates and alert providers are looked at; empty for all")
}

func rolloutFlags(fs *flag.FlagSet, o *options) {
	fs.StringVar(&o.meshProvider, "mesh-provider", "istio",
		"routing `provider` of canaries that name none; built in are "+strings.Join(routingNames(), ", "))
	fs.StringVar(&o.metricsServer, "metrics-server", "http://prometheus:9090",
		"`URL` of the Prometheus that is asked for canaries that name none")
	fs.DurationVar(&o.controlLoopInterval, "control-loop-interval", 10*time.Second,
		"`pause` between two counts of the canaries; changes are acted on at once")
	fs.IntVar(&o.threadiness, "threadiness", 2,
		"canaries that are worked on at the same time, at least")
	fs.StringVar(&o.selectorLabels, "selector-labels", "app,name,app.kubernetes.io/name",
		"comma list of pod `labels`, one of which a target selects its pods by")
	fs.StringVar(&o.includeLabelPrefix, "include-label-prefix", "",
		"comma list of `prefixes` of labels and annotations that generated objects inherit; * for all")
	fs.BoolVar(&o.configTracking, "enable-config-tracking", true,
		"treat changes of a target's ConfigMaps and Secrets as new revisions")
	fs.StringVar(&o.ingressAnnotationsPrefix, "ingress-annotations-prefix", "nginx.ingress.kubernetes.io",
		"`prefix` of the annotations of the provider nginx")
	fs.StringVar(&o.ingressClass, "ingress-class", "",
		"`class` of the HTTPProxies of the provider contour")
	fs.BoolVar(&o.noCrossNamespaceRefs, "no-cross-namespace-refs", false,
		"refuse references from a canary to another namespace")
	fs.DurationVar(&o.drainPeriod, "drain-period", 10*time.Second,
		"time that pods are kept after traffic has left them, for connections that are still open")
	fs.DurationVar(&o.settlePeriod, "settle-period", 3*time.Second,
		"time that pods are there before the first traffic comes to them, for data planes that learn of them later")
}

func notificationFlags(fs *flag.FlagSet, o *options) {
	fs.StringVar(&o.eventWebhook, "event-webhook", "",
		"`URL` that gets the events of canaries without event hooks of their own; EVENT_WEBHOOK_URL overrides it")
	fs.StringVar(&o.clusterName, "cluster-name", "",
		"`name` of the cluster in alerts")
	fs.StringVar(&o.slackURL, "slack-url", "",
		"`URL` of the Slack hook or API that gets the alerts of canaries without their own; SLACK_URL overrides it")
	fs.StringVar(&o.slackToken, "slack-token", "",
		"`token` of the Slack bot; SLACK_TOKEN overrides it")
	fs.StringVar(&o.slackProxyURL, "slack-proxy-url", "",
		"`URL` of the proxy on the way to Slack; SLACK_PROXY_URL overrides it")
	fs.StringVar(&o.slackUser, "slack-user", "flagger",
		"`name` that Slack shows as the sender")
	fs.StringVar(&o.slackChannel, "slack-channel", "",
		"`channel` of Slack that gets the alerts; empty for general")
	fs.StringVar(&o.msteamsURL, "msteams-url", "",
		"`URL` of the Microsoft Teams hook that gets the alerts of canaries without their own; MSTEAMS_URL overrides it")
	fs.StringVar(&o.msteamsProxyURL, "msteams-proxy-url", "",
		"`URL` of the proxy on the way to Microsoft Teams; MSTEAMS_PROXY_URL overrides it")
}

func processFlags(fs *flag.FlagSet, o *options) {
	fs.BoolVar(&o.leaderElection, "enable-leader-election", false,
		"work only while elected among the instances that run with this flag")
	fs.StringVar(&o.leaderElectionNamespace, "leader-election-namespace", "kube-system",
		"`namespace` of the leader election's lease, unless -namespace is set")
	fs.StringVar(&o.port, "port", "8080",
		"`port` of /metrics, /healthz and /readyz, on all addresses; host:port for one of them")
	fs.BoolVar(&o.pprof, "enable-pprof", false,
		"serve profiles of the process under /debug/pprof/ as well")
	fs.StringVar(&o.logLevel, "log-level", "debug",
		"lowest `level` that is logged: debug, info, warning, error, fatal, panic; anything else means info")
	fs.StringVar(&o.zapEncoding, "zap-encoding", daemon.EncodingJSON,
		"`format` of the log, json or console")
	fs.BoolVar(&o.zapReplaceGlobals, "zap-replace-globals", false,
		"make the log the process-wide one of the zap library as well")
	fs.BoolVar(&o.version, "version", false,
		"print the version and exit")
	fs.StringVar(&o.otlpEndpoint, "otlp-endpoint", "",
		"`URL` of an OpenTelemetry collector, such as http://collector:4318, that gets traces of reconciles; empty for none")
}
