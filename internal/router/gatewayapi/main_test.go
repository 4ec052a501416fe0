package gatewayapi

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"flagger.app/flagger/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// crds is the folder of the Gateway API's CRDs, standard channel, in the module that go.mod names.
func crds(t *testing.T) string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api")
	list.Dir = testkit.Root()
	dir, err := list.Output()
	if err != nil {
		t.Fatalf("find the module of the Gateway API: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(dir)), "config", "crd", "standard", "gateway.networking.k8s.io_httproutes.yaml")
}
