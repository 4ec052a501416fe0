package daemon

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"k8s.io/klog/v2"
)

// logTo returns a logger of a level and what it writes.
func logTo(level string) (*zap.Logger, *bytes.Buffer) {
	out := &bytes.Buffer{}
	return NewLogger(ParseLevel(level), EncodingJSON, zapcore.AddSync(out)), out
}

func TestLogLines(t *testing.T) {
	cases := map[string]struct {
		reason string
		write  func(*zap.Logger)
		want   string // a pattern
	}{
		"Info": {
			"Scripts take .msg and .canary of a line.",
			func(l *zap.Logger) {
				zapr.NewLogger(l).WithValues("canary", "podinfo.test").Info("Advance podinfo.test canary weight 10")
			},
			`^\{"level":"info","ts":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d{4})","caller":"daemon/logging_test\.go:\d+",` +
				`"msg":"Advance podinfo\.test canary weight 10","canary":"podinfo\.test"\}\n$`,
		},
		"Named": {
			"Events are told apart by the logger's name.",
			func(l *zap.Logger) { l.Named("event-broadcaster").Sugar().Debugf("Event") },
			`^\{"level":"debug","ts":"[^"]+","logger":"event-broadcaster","caller":"daemon/[^"]+","msg":"Event"\}\n$`,
		},
		"Error": {
			"An error says where it comes from, at the end of the line.",
			func(l *zap.Logger) { zapr.NewLogger(l).Error(errors.New("no route"), "reconcile") },
			`^\{"level":"error","ts":"[^"]+","caller":"daemon/[^"]+","msg":"reconcile","error":"no route","stacktrace":"[^"]+"\}\n$`,
		},
		"Debug": {
			"The libraries' first level of detail is debug.",
			func(l *zap.Logger) { zapr.NewLogger(l).V(1).Info("detail") },
			`^\{"level":"debug",`,
		},
		"Deeper": {
			"Anything deeper is not for operators.",
			func(l *zap.Logger) { zapr.NewLogger(l).V(2).Info("detail") },
			`^$`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			logger, out := logTo("debug")
			tc.write(logger)
			if !regexp.MustCompile(tc.want).MatchString(out.String()) {
				t.Errorf("%s\ngot %swant %s", tc.reason, out, tc.want)
			}
		})
	}
}

func TestLogLevels(t *testing.T) {
	cases := map[string]zapcore.Level{
		"debug": zapcore.DebugLevel, "info": zapcore.InfoLevel, "warn": zapcore.WarnLevel, "warning": zapcore.WarnLevel,
		"error": zapcore.ErrorLevel, "fatal": zapcore.FatalLevel, "panic": zapcore.PanicLevel,
		"": zapcore.InfoLevel, "verbose": zapcore.InfoLevel,
	}
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			if got := ParseLevel(name); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestLogIsSampled(t *testing.T) {
	logger, out := logTo("info")
	for range 90 {
		logger.Info("often")
		logger.Info("as often")
	}
	if got := strings.Count(out.String(), "\n"); got != 180 {
		t.Errorf("got %d lines of 180: messages are sampled one by one, after the first hundred", got)
	}
	out.Reset()
	for range 5000 {
		logger.Info("flood")
	}
	if got := strings.Count(out.String(), "\n"); got < 100 || got > 500 {
		t.Errorf("got %d lines of 5000, want some 150: a hundred, then every hundredth", got)
	}
}

func TestConsole(t *testing.T) {
	out := &bytes.Buffer{}
	NewLogger(zapcore.InfoLevel, EncodingConsole, zapcore.AddSync(out)).Info("hello")
	if got := out.String(); !strings.Contains(got, "\tinfo\t") || !strings.Contains(got, "\thello\n") {
		t.Errorf("got %q, want columns", got)
	}
}

// TestKlogIsRedirected leaves controller-runtime, whose logger can be set but once, to TestProcessWorksAndStops.
func TestKlogIsRedirected(t *testing.T) {
	logger, out := logTo("debug")
	RedirectLogs(zapr.NewLogger(logger))
	t.Cleanup(klog.ClearLogger)

	klog.Info("from klog")
	klog.V(9).Info("too detailed")

	if got := out.String(); !strings.Contains(got, `"msg":"from klog"`) || strings.Contains(got, "too detailed") {
		t.Errorf("klog writes to our log, and -v decides how much; got %s", got)
	}
}
