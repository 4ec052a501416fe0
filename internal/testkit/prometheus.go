package testkit

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// StartPrometheus runs a real Prometheus that takes samples by remote write, and by OTLP under the names that they have,
// and returns its address. It scrapes nothing, has its data in a folder of this test and ends with it.
func StartPrometheus(t testing.TB) string {
	t.Helper()
	binary := filepath.Join(Root(), "bin", "prometheus")
	if _, err := os.Stat(binary); err != nil {
		t.Fatal("bin/prometheus is missing: run `make lab-binaries`")
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte("otlp: {translation_strategy: NoTranslation}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(binary, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:0", "--web.enable-remote-write-receiver", "--web.enable-otlp-receiver")
	command.SysProcAttr = dieWithParent()
	output, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := startFromKeeper(command); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill() // its data is thrown away
		_ = command.Wait()
	})
	return awaitPrometheus(t, output)
}

// awaitPrometheus reads the server's log until it has said that it is ready and where it listens, in whatever order, and
// returns its address.
func awaitPrometheus(t testing.TB, output io.Reader) string {
	t.Helper()
	listening := regexp.MustCompile(`msg="Listening on".* address=(127\.0\.0\.1:\d+)`)
	address, ready, log := "", false, bytes.Buffer{}
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		log.Write(append(lines.Bytes(), '\n'))
		if match := listening.FindSubmatch(lines.Bytes()); match != nil {
			address = "http://" + string(match[1])
		}
		ready = ready || bytes.Contains(lines.Bytes(), []byte("Server is ready"))
		if ready && address != "" {
			go func() { _, _ = io.Copy(io.Discard, output) }() // ends with the server
			return address
		}
	}
	t.Fatalf("bin/prometheus ended before it was ready:\n%s", log.String())
	return ""
}
