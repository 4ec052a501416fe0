package main

import (
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// none is an environment without variables.
func none(string) string { return "" }

// parsed reads a command line that must be in order.
func parsed(t *testing.T, args ...string) *options {
	t.Helper()
	o, err := parse(args, none, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestDefaults(t *testing.T) {
	want := options{
		qps: 100, burst: 250,
		meshProvider: "istio", metricsServer: "http://prometheus:9090",
		controlLoopInterval: 10 * time.Second, threadiness: 2,
		selectorLabels: "app,name,app.kubernetes.io/name", configTracking: true,
		ingressAnnotationsPrefix: "nginx.ingress.kubernetes.io",
		drainPeriod:              10 * time.Second,
		settlePeriod:             3 * time.Second,
		slackUser:                "flagger",
		leaderElectionNamespace:  "kube-system",
		port:                     "8080", logLevel: "debug", zapEncoding: "json",
	}
	if diff := cmp.Diff(want, *parsed(t), cmp.AllowUnexported(options{})); diff != "" {
		t.Errorf("manifests rely on the defaults (-want +got):\n%s", diff)
	}
}

func TestEveryFlagIsAccepted(t *testing.T) {
	values := []string{
		"kubeconfig=k", "master=http://m", "kubeconfig-qps=1", "kubeconfig-burst=2", "kubeconfig-service-mesh=s",
		"metrics-server=http://p", "mesh-provider=kubernetes", "control-loop-interval=1s", "threadiness=3", "namespace=n",
		"selector-labels=a", "include-label-prefix=b", "enable-config-tracking=false", "ingress-annotations-prefix=i",
		"ingress-class=c", "no-cross-namespace-refs", "cluster-name=x", "event-webhook=http://e",
		"slack-url=http://s", "slack-token=t", "slack-proxy-url=http://p", "slack-user=u", "slack-channel=c",
		"msteams-url=http://t", "msteams-proxy-url=http://p", "enable-leader-election", "leader-election-namespace=l",
		"port=1", "log-level=info", "zap-encoding=console", "zap-replace-globals", "version",
		// our own
		"drain-period=5s", "settle-period=1s", "enable-pprof",
		// klog's
		"v=0", "vmodule=x=0", "logtostderr=true", "alsologtostderr=false", "stderrthreshold=2", "alsologtostderrthreshold=0",
		"legacy_stderr_threshold_behavior=true", "log_backtrace_at=none.go:1", "log_dir=", "log_file=", "log_file_max_size=1800",
		"add_dir_header=false", "skip_headers=false", "skip_log_headers=false", "one_output=false",
	}
	for _, value := range values {
		t.Run(value, func(t *testing.T) {
			for _, dashes := range []string{"-", "--"} {
				if _, err := parse([]string{dashes + value}, none, io.Discard); err != nil {
					t.Error(err)
				}
			}
			name, text, hasValue := strings.Cut(value, "=")
			if !hasValue || text == "true" || text == "false" {
				return // a boolean's value needs the equals sign
			}
			if _, err := parse([]string{"-" + name, text}, none, io.Discard); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		help   bool
	}{
		"Unknown":     {"A misspelt flag must not be silently ignored.", []string{"-mesh-provder=istio"}, false},
		"NotANumber":  {"A value must be of the flag's type.", []string{"-threadiness=many"}, false},
		"NotDuration": {"A duration needs its unit.", []string{"-drain-period=10"}, false},
		"Help":        {"Asking for help is no mistake.", []string{"-help"}, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var told strings.Builder
			_, err := parse(tc.args, none, &told)
			if err == nil || errors.Is(err, flag.ErrHelp) != tc.help {
				t.Errorf("%s\ngot %v", tc.reason, err)
			}
			if !strings.Contains(told.String(), "-drain-period") {
				t.Errorf("%s\nthe flags must be listed, got %q", tc.reason, told.String())
			}
		})
	}
}

func TestHelpExplains(t *testing.T) {
	var told strings.Builder
	_, _ = parse([]string{"-help"}, none, &told)
	for _, want := range []string{"gatewayapi:v1, gatewayapi:v1beta1", "EVENT_WEBHOOK_URL", "(default 10s)"} {
		if !strings.Contains(told.String(), want) {
			t.Errorf("the help does not mention %q", want)
		}
	}
}

func TestEnvironmentOverrides(t *testing.T) {
	cases := map[string]struct {
		flag, variable string
		get            func(*options) string
	}{
		"SlackURL":     {"slack-url", "SLACK_URL", func(o *options) string { return o.slackURL }},
		"SlackToken":   {"slack-token", "SLACK_TOKEN", func(o *options) string { return o.slackToken }},
		"SlackProxy":   {"slack-proxy-url", "SLACK_PROXY_URL", func(o *options) string { return o.slackProxyURL }},
		"MSTeamsURL":   {"msteams-url", "MSTEAMS_URL", func(o *options) string { return o.msteamsURL }},
		"MSTeamsProxy": {"msteams-proxy-url", "MSTEAMS_PROXY_URL", func(o *options) string { return o.msteamsProxyURL }},
		"EventWebhook": {"event-webhook", "EVENT_WEBHOOK_URL", func(o *options) string { return o.eventWebhook }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			environment := map[string]string{tc.variable: "http://environment"}
			o, err := parse([]string{"-" + tc.flag + "=http://flag"}, func(v string) string { return environment[v] }, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			if got := tc.get(o); got != "http://environment" {
				t.Errorf("a Secret in the environment must win over the command line, got %q", got)
			}
			if got := tc.get(parsed(t, "-"+tc.flag+"=http://flag")); got != "http://flag" {
				t.Errorf("an empty variable overrides nothing, got %q", got)
			}
		})
	}
}
