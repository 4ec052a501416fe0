package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	ctrl "sigs.k8s.io/controller-runtime"

	"flagger.app/flagger/internal/daemon"
)

// buildVersion and buildRevision are set by the linker.
var (
	buildVersion  = "dev"
	buildRevision = "unknown"
)

// collectAt is by how many percent the heap grows before it is collected, unless GOGC says otherwise. Most of it is caches
// that stay, as bytes that a collection need not look into, so that collecting more often costs little and saves much.
const collectAt = 20

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	o, err := parse(os.Args[1:], os.Getenv, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(2) // parse has told why
	case o.version:
		fmt.Println("Flagger version", buildVersion, "revision ", buildRevision)
		return
	}
	if !o.pprof {
		runtime.MemProfileRate = 0 // the samples would take 3 MB, and nobody can ask for them
	}
	logger := daemon.NewLogger(daemon.ParseLevel(o.logLevel), o.zapEncoding, zapcore.Lock(os.Stderr))
	if o.zapReplaceGlobals {
		zap.ReplaceGlobals(logger)
	}
	daemon.RedirectLogs(zapr.NewLogger(logger))
	if err := run(ctrl.SetupSignalHandler(), o, logger); err != nil {
		logger.Fatal(err.Error()) // exits 1
	}
}
