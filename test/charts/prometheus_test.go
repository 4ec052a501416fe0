package charts

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/test/config/manifest"
)

// The real Prometheus reads what the add-on gives it.
func TestPrometheusReadsItsConfiguration(t *testing.T) {
	for name, values := range map[string][]string{
		"Cluster":   {"prometheus.install=true"},
		"Namespace": {"prometheus.install=true", "namespace=apps"},
	} {
		t.Run(name, func(t *testing.T) {
			config := manifest.One(t, render(t, operator("test", values...)), "ConfigMap", "flagger-prometheus")
			text, _, err := unstructured.NestedString(config.Object, "data", "prometheus.yml")
			if err != nil {
				t.Fatal(err)
			}
			awaitPrometheus(t, text)
		})
	}
}

// awaitPrometheus starts a Prometheus with a configuration and waits until it has said that it has read it.
func awaitPrometheus(t *testing.T, config string) {
	t.Helper()
	directory := t.TempDir()
	file := filepath.Join(directory, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	prometheus := exec.CommandContext(ctx, manifest.Program(t, "prometheus"), "--config.file="+file,
		"--storage.tsdb.path="+filepath.Join(directory, "data"), "--web.listen-address=127.0.0.1:0")
	log, err := prometheus.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := prometheus.Start(); err != nil {
		t.Fatal(err)
	}
	told := readUntil(log, "Completed loading of configuration file")
	cancel()
	_ = prometheus.Wait() // it was killed
	if told != "" {
		t.Errorf("Prometheus ended:\n%s", told)
	}
}

// readUntil reads lines until one contains text. If none does, it returns them all.
func readUntil(log io.Reader, text string) string {
	var told strings.Builder
	for lines := bufio.NewScanner(log); lines.Scan(); told.WriteString(lines.Text() + "\n") {
		if strings.Contains(lines.Text(), text) {
			return ""
		}
	}
	return told.String()
}
