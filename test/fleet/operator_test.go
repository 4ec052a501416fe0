//go:build linux

package fleet

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// program is an operator that is a shell script, and what it failed with.
func program(t *testing.T, script string) (*Operator, chan error) {
	t.Helper()
	folder := t.TempDir()
	binary := filepath.Join(folder, "operator")
	if err := os.WriteFile(binary, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	o, err := NewOperator(Program{
		Binary: binary, Kubeconfig: "kubeconfig", Metrics: "http://prometheus", Log: filepath.Join(folder, "log"),
		Flags: []string{"-further"}, Failed: func(err error) { failed <- err },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Stop)
	return o, failed
}

func TestAnOperatorThatEnds(t *testing.T) {
	_, failed := program(t, `echo "$@"; exit 3`)
	err := <-failed
	if !errors.Is(err, errOperator) {
		t.Fatalf("who ends without being asked to has failed, got %v", err)
	}
	for _, part := range []string{"exit status 3", "-kubeconfig kubeconfig", "-metrics-server http://prometheus", "-further"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error tells how, and the end of the log: no %q in %s", part, err)
		}
	}
}

func TestAnOperatorThatIsStopped(t *testing.T) {
	o, failed := program(t, "exec tail -f /dev/null")
	pid := o.PID()
	o.Stop()
	if _, err := Used(pid); err == nil {
		t.Error("the process is gone")
	}
	select {
	case err := <-failed:
		t.Errorf("who is asked to end has not failed, got %v", err)
	default:
	}
}

func TestProfile(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.String() != "/debug/pprof/heap?gc=1" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte("profile"))
	}))
	defer server.Close()
	o := &Operator{port: server.Listener.Addr().(*net.TCPAddr).Port}
	if got, err := o.Profile(t.Context(), "heap?gc=1"); string(got) != "profile" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := o.Profile(t.Context(), "other"); err == nil {
		t.Errorf("an operator without profiles is an error, got %q", got)
	}
	if o.IsReady(t.Context()) {
		t.Error("who does not say so is not ready")
	}
}
