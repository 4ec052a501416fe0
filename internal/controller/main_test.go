package controller

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

// atOnce is how many tests run beside each other: they wait for the API server most of the time, whatever the number of
// processors.
const atOnce = "8"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", atOnce); err != nil {
		panic(err)
	}
	log.SetLogger(logr.Discard())
	os.Exit(testkit.Main(m))
}

// shared is the API server of this test binary with the one connection that all tests use: finding out what a server
// serves takes longer than most tests.
var shared struct {
	sync.Mutex
	cfg    *rest.Config
	client client.WithWatch
}

// connect returns the API server's configuration and an uncached client for it.
func connect(t *testing.T) (*rest.Config, client.WithWatch) {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.client == nil {
		shared.cfg = testkit.StartAPIServer(t, tolerantCRD(t),
			"config/crd/bases/flagger.app_metrictemplates.yaml", "config/crd/bases/flagger.app_alertproviders.yaml", routeCRD(t))
		c, err := client.NewWithWatch(shared.cfg, client.Options{Scheme: scheme(t)})
		if err != nil {
			t.Fatal(err)
		}
		shared.client = c
	}
	return shared.cfg, shared.client
}

func scheme(t *testing.T) *runtime.Scheme {
	t.Helper()
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1beta1.AddToScheme, gatewayv1.Install} {
		if err := add(s); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// routeCRD is the file of the HTTPRoute's CRD, standard channel, in the module that go.mod names.
func routeCRD(t *testing.T) string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api")
	list.Dir = testkit.Root()
	dir, err := list.Output()
	if err != nil {
		t.Fatalf("find the module of the Gateway API: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(dir)), "config", "crd", "standard", "gateway.networking.k8s.io_httproutes.yaml")
}

// tolerantCRD writes the canaries' CRD without its CEL rules and returns the file. A canary that was stored before
// there were rules is not refused at the door, and the controller has to say what is wrong with it.
func tolerantCRD(t *testing.T) string {
	t.Helper()
	const name = "flagger.app_canaries.yaml"
	strict, err := os.ReadFile(filepath.Join(testkit.Root(), "config", "crd", "bases", name))
	if err != nil {
		t.Fatal(err)
	}
	var crd any
	if err := yaml.Unmarshal(strict, &crd); err != nil {
		t.Fatal(err)
	}
	if dropped := withoutRules(crd); dropped == 0 {
		t.Fatal("the CRD has no CEL rules to drop: the tests of stored canaries would test nothing")
	}
	tolerant, err := yaml.Marshal(crd)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, tolerant, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// withoutRules drops the CEL rules of a schema, in place, and returns how many places had some.
func withoutRules(node any) int {
	dropped := 0
	switch n := node.(type) {
	case map[string]any:
		if _, found := n["x-kubernetes-validations"]; found {
			delete(n, "x-kubernetes-validations")
			dropped++
		}
		for _, child := range n {
			dropped += withoutRules(child)
		}
	case []any:
		for _, child := range n {
			dropped += withoutRules(child)
		}
	}
	return dropped
}

// must ends the test for an error of the test's own hands.
func must(t testing.TB, err error, doing string, about ...any) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", fmt.Sprintf(doing, about...), err)
	}
}
