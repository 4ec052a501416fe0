package daemon

import (
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"k8s.io/klog/v2"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
)

// Values of -zap-encoding.
const (
	EncodingJSON    = "json"
	EncodingConsole = "console"
)

// Within each second, a message is logged this many times, and from then on every such time.
const (
	sampleFirst      = 100
	sampleThereafter = 100
)

// NewLogger returns a logger that writes one line per entry to out, with the keys that users of Flagger parse: level,
// ts, logger, caller, msg, then fields, then stacktrace.
func NewLogger(level zapcore.Level, encoding string, out zapcore.WriteSyncer) *zap.Logger {
	keys := zapcore.EncoderConfig{
		LevelKey:       "level",
		TimeKey:        "ts",
		NameKey:        "logger",
		CallerKey:      "caller",
		MessageKey:     "msg",
		StacktraceKey:  "stacktrace",
		LineEnding:     zapcore.DefaultLineEnding,
		EncodeLevel:    zapcore.LowercaseLevelEncoder,
		EncodeTime:     zapcore.ISO8601TimeEncoder,
		EncodeDuration: zapcore.StringDurationEncoder,
		EncodeCaller:   zapcore.ShortCallerEncoder,
	}
	encoder := zapcore.NewJSONEncoder(keys)
	if encoding == EncodingConsole {
		encoder = zapcore.NewConsoleEncoder(keys)
	}
	core := zapcore.NewSamplerWithOptions(
		zapcore.NewCore(encoder, out, level), time.Second, sampleFirst, sampleThereafter)
	return zap.New(core, zap.AddCaller(), zap.AddStacktrace(zapcore.ErrorLevel), zap.ErrorOutput(out))
}

// ParseLevel returns the level of -log-level: zap's names and warning, anything else means info.
func ParseLevel(name string) zapcore.Level {
	switch name {
	case "debug":
		return zapcore.DebugLevel
	case "warn", "warning":
		return zapcore.WarnLevel
	case "error":
		return zapcore.ErrorLevel
	case "fatal":
		return zapcore.FatalLevel
	case "panic":
		return zapcore.PanicLevel
	}
	return zapcore.InfoLevel
}

// RedirectLogs sends what libraries log to log. How much klog has to say is decided by its own flags.
func RedirectLogs(log logr.Logger) {
	klog.SetLogger(log)
	ctrllog.SetLogger(log)
}
