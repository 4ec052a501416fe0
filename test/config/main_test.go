package config

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"flagger.app/flagger/internal/testkit"
)

var update = flag.Bool("update", false, "copy the files of the chart's Prometheus")

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	os.Exit(testkit.Main(m))
}

// found returns the files below config that match, which are some.
func found(t *testing.T, pattern ...string) []string {
	t.Helper()
	path := append([]string{testkit.Root(), "config"}, pattern...)
	files, err := filepath.Glob(filepath.Join(path...))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %v: %v", pattern, err)
	}
	return files
}
