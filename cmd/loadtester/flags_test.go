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

// parsed reads a command line that must be in order.
func parsed(t *testing.T, args ...string) *options {
	t.Helper()
	o, err := parse(args, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestDefaults(t *testing.T) {
	want := options{timeout: time.Hour, maxTasks: 1000, port: "9090", logLevel: "debug", zapEncoding: "json"}
	if diff := cmp.Diff(want, *parsed(t), cmp.AllowUnexported(options{})); diff != "" {
		t.Errorf("manifests rely on the defaults (-want +got):\n%s", diff)
	}
}

func TestChartArguments(t *testing.T) {
	o := parsed(t, "-port=8080", "-log-level=info", "-timeout=1h", "-namespace-regexp=")
	want := options{timeout: time.Hour, maxTasks: 1000, port: "8080", logLevel: "info", zapEncoding: "json"}
	if diff := cmp.Diff(want, *o, cmp.AllowUnexported(options{})); diff != "" {
		t.Errorf("an empty pattern is none (-want +got):\n%s", diff)
	}
	if err := o.validate(); err != nil {
		t.Error(err)
	}
}

func TestEveryFlagIsAccepted(t *testing.T) {
	values := []string{
		"port=1", "log-level=warning", "timeout=1s", "namespace-regexp=^test$", "zap-encoding=console", "zap-replace-globals=true",
		// our own
		"max-tasks=5", "token-file=t", "gates-configmap=a/b", "kubeconfig=k", "concord-keys=d", "version=true",
	}
	for _, value := range values {
		for _, dashes := range []string{"-", "--"} {
			if _, err := parse([]string{dashes + value}, io.Discard); err != nil {
				t.Errorf("%s: %v", value, err)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		help   bool
	}{
		"Unknown":     {"A misspelt flag must not be silently ignored.", []string{"-namespace-regex=x"}, false},
		"NotDuration": {"A duration needs its unit.", []string{"-timeout=10"}, false},
		"Help":        {"Asking for help is no mistake.", []string{"-help"}, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var told strings.Builder
			_, err := parse(tc.args, &told)
			if err == nil || errors.Is(err, flag.ErrHelp) != tc.help {
				t.Errorf("%s\ngot %v", tc.reason, err)
			}
			if !strings.Contains(told.String(), "-gates-configmap") {
				t.Errorf("%s\nthe flags must be listed, got %q", tc.reason, told.String())
			}
		})
	}
}
