package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

func TestValidate(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		want   []string // parts of the text; none if all is well
	}{
		"Gateway":          {"What is built in is accepted.", []string{"-mesh-provider=gatewayapi:v1"}, nil},
		"BareGateway":      {"An alias is accepted.", []string{"-mesh-provider=gatewayapi"}, nil},
		"Kubernetes":       {"No mesh is a provider too.", []string{"-mesh-provider=kubernetes"}, nil},
		"Misspelt":         {"Nobody is silently given another mesh.", []string{"-mesh-provider=istoi"}, []string{`-mesh-provider: unknown provider "istoi"`, "gatewayapi:v1, gatewayapi:v1beta1, gloo"}},
		"Prefix":           {"Half a name is no name.", []string{"-mesh-provider=gateway"}, []string{"unknown provider"}},
		"Warning":          {"The documented word is accepted.", []string{"-log-level=warning"}, nil},
		"UnknownLevel":     {"Any other word means info, as ever.", []string{"-log-level=verbose"}, nil},
		"HostPort":         {"One address may be enough.", []string{"-port=127.0.0.1:8080"}, nil},
		"NoPort":           {"A port is a number.", []string{"-port=http"}, []string{`-port: "http" is not a port`}},
		"HugePort":         {"A port has 16 bits.", []string{"-port=80800"}, []string{`-port: "80800" is not a port`}},
		"ManyColons":       {"An address needs its brackets.", []string{"-port=::1:8080"}, []string{"neither a port nor host:port"}},
		"NoLabels":         {"Without a label no target can be selected.", []string{"-selector-labels= , "}, []string{"-selector-labels: at least one"}},
		"NoRequests":       {"A limit of nothing would hang.", []string{"-kubeconfig-qps=0"}, []string{"-kubeconfig-qps"}},
		"NoWorkers":        {"Somebody has to work.", []string{"-threadiness=0"}, []string{"-threadiness: 0"}},
		"NoPause":          {"A count without a pause never ends.", []string{"-control-loop-interval=0s"}, []string{"-control-loop-interval: 0s"}},
		"NegativeDrain":    {"Pods cannot go before their traffic.", []string{"-drain-period=-1s"}, []string{"-drain-period: -1s"}},
		"NegativeSettling": {"Users cannot come before the pods.", []string{"-settle-period=-1s"}, []string{"-settle-period: -1s"}},
		"NoDrain":          {"Draining may be switched off.", []string{"-drain-period=0s"}, nil},
		"UnknownFormat":    {"A log that nobody can parse helps nobody.", []string{"-zap-encoding=xml"}, []string{`-zap-encoding: "xml" is neither json nor console`}},
		"SeveralAtOnce":    {"All mistakes are told together.", []string{"-port=x", "-threadiness=-1"}, []string{"-port", "-threadiness"}},
		"TrailingSpaces":   {"Names are matched exactly.", []string{"-mesh-provider=kubernetes "}, []string{"unknown provider"}},
	}
	routers := router.NewRegistry(routingProviders(&options{}))
	lookup := func(meshProvider string) error {
		_, err := routers.Lookup(meshProvider)
		return err
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := parsed(t, append([]string{"-mesh-provider=kubernetes"}, tc.args...)...).validate(lookup)
			if (err != nil) != (len(tc.want) > 0) {
				t.Fatalf("%s\ngot %v", tc.reason, err)
			}
			for _, part := range tc.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s\ngot %q, want it to contain %q", tc.reason, err, part)
				}
			}
		})
	}
}

func TestValidateKeepsTheCause(t *testing.T) {
	err := parsed(t, "-mesh-provider=none").validate(func(string) error { return router.ErrUnknownProvider })
	if !errors.Is(err, router.ErrUnknownProvider) {
		t.Errorf("got %v", err)
	}
}

func TestLeaseNamespace(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		want   string
	}{
		"Default":    {"Without a word, where the control plane lives.", nil, "kube-system"},
		"Own":        {"A namespace for the lease alone.", []string{"-leader-election-namespace=flagger"}, "flagger"},
		"Restricted": {"An operator of one namespace has no rights elsewhere.", []string{"-leader-election-namespace=flagger", "-namespace=test"}, "test"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := parsed(t, tc.args...).leaseNamespace(); got != tc.want {
				t.Errorf("%s\ngot %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}

func TestSplitList(t *testing.T) {
	cases := map[string][]string{
		"":                                nil,
		"app":                             {"app"},
		"app,name,app.kubernetes.io/name": {"app", "name", "app.kubernetes.io/name"},
		" app , name ,,":                  {"app", "name"},
	}
	for text, want := range cases {
		t.Run(text, func(t *testing.T) {
			if diff := cmp.Diff(want, splitList(text)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestGlobalChat(t *testing.T) {
	type spec = v1beta1.AlertProviderSpec
	cases := map[string]struct {
		reason string
		args   []string
		want   spec
		token  string
	}{
		"None": {"Without a URL alerts go nowhere.", nil, spec{Type: "slack", Username: "flagger"}, ""},
		"Slack": {"Slack's flags are an AlertProvider.",
			[]string{"-slack-url=https://s", "-slack-token=t", "-slack-proxy-url=p:1", "-slack-user=u", "-slack-channel=c"},
			spec{Type: "slack", Address: "https://s", Proxy: "p:1", Username: "u", Channel: "c"}, "t"},
		"Teams": {"Teams displaces Slack.",
			[]string{"-slack-url=https://s", "-slack-token=t", "-msteams-url=https://m", "-msteams-proxy-url=p:1"},
			spec{Type: "msteams", Address: "https://m", Proxy: "p:1"}, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, token := parsed(t, tc.args...).globalChat()
			if diff := cmp.Diff(tc.want, got); diff != "" || token != tc.token {
				t.Errorf("%s\ntoken %q (-want +got):\n%s", tc.reason, token, diff)
			}
		})
	}
}
