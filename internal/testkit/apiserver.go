package testkit

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// modulePath is the module whose root Root looks for; the lab's nested modules have other paths.
const modulePath = "flagger.app/flagger"

// server is the one API server of this test binary.
var server struct {
	sync.Mutex
	entered bool // Main is running, so somebody will stop what is started
	running *controlPlane
	err     error           // why the start failed; a second test does not try again
	crds    map[string]bool // paths applied so far
}

// namespaces counts the namespaces made so far, which keeps their names apart.
var namespaces atomic.Int64

// Root returns the repository's root, found from the working directory upward. Tests run in their package's
// folder, so it exists; where it does not, Root panics.
func Root() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(fmt.Sprintf("testkit: find the working directory: %v", err))
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte("module "+modulePath+"\n")) {
			return dir
		}
	}
	panic("testkit: no go.mod of module " + modulePath + " above the working directory")
}

// Main runs the tests of m, stops what they started and returns the exit code for os.Exit. Nothing starts
// before a test calls StartAPIServer.
func Main(m *testing.M) int {
	server.Lock()
	server.entered = true
	server.Unlock()
	defer func() {
		server.Lock()
		defer server.Unlock()
		if server.running != nil {
			server.running.stop()
		}
	}()
	return m.Run()
}

// StartAPIServer returns a configuration of a cluster administrator (group system:masters, no client-side rate
// limit) for the API server of this test binary, which the first call starts. The CRDs found in crdPaths
// (files, or folders, not searched deeper; relative paths count from Root) are served when it returns.
// It ends the test where the server cannot start; it never skips.
func StartAPIServer(t testing.TB, crdPaths ...string) *rest.Config {
	t.Helper()
	server.Lock()
	defer server.Unlock()
	if !server.entered {
		t.Fatal("testkit: TestMain must call os.Exit(testkit.Main(m)), or nothing stops the API server")
	}
	if server.running == nil && server.err == nil {
		server.running, server.err = startControlPlane()
	}
	if server.err != nil {
		t.Fatalf("testkit: start the API server: %v", server.err)
	}
	cfg := server.running.config(adminToken)
	if err := applyCRDs(cfg, crdPaths); err != nil {
		t.Fatalf("testkit: %v", err)
	}
	return cfg
}

// applyCRDs applies the CRDs of those paths that were not applied before and waits until they are served.
func applyCRDs(cfg *rest.Config, paths []string) error {
	for _, path := range paths {
		if !filepath.IsAbs(path) {
			path = filepath.Join(Root(), path)
		}
		if server.crds[path] {
			continue
		}
		options := envtest.CRDInstallOptions{Paths: []string{path}, ErrorIfPathMissing: true, MaxTime: time.Minute}
		crds, err := envtest.InstallCRDs(cfg, options)
		if err != nil {
			return fmt.Errorf("apply the CRDs of %s: %w", path, err)
		}
		if len(crds) == 0 {
			return fmt.Errorf("apply the CRDs of %s: it holds none", path)
		}
		if server.crds == nil {
			server.crds = map[string]bool{}
		}
		server.crds[path] = true
	}
	return nil
}

// UserConfig returns cfg for another user of the API server that StartAPIServer started. Operator is the one
// user besides the administrator; another name panics.
func UserConfig(cfg *rest.Config, user string) *rest.Config {
	if user != Operator {
		panic("testkit: the API server has no user " + user)
	}
	other := rest.CopyConfig(cfg)
	other.BearerToken = operatorToken
	return other
}

// unfit matches what a namespace's name may not hold.
var unfit = regexp.MustCompile(`[^a-z0-9]+`)

// NewNamespace makes a namespace named after the test and returns its name, which no other test of the binary
// has. It stays when the test ends: the API server goes with the binary.
func NewNamespace(t testing.TB, c client.Client) string {
	t.Helper()
	slug := strings.Trim(unfit.ReplaceAllString(strings.ToLower(t.Name()), "-"), "-")
	slug = strings.TrimRight(slug[:min(len(slug), 40)], "-")
	name := fmt.Sprintf("%s-%d", slug, namespaces.Add(1))
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := c.Create(context.WithoutCancel(t.Context()), namespace); err != nil {
		t.Fatalf("testkit: create namespace %s: %v", name, err)
	}
	return name
}

// Kubeconfig writes a kubeconfig for cfg, which must have a token, and returns its path.
func Kubeconfig(t testing.TB, cfg *rest.Config) string {
	t.Helper()
	const name = "test"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	err := clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{name: {
			Server: cfg.Host, CertificateAuthorityData: cfg.CAData, CertificateAuthority: cfg.CAFile,
			InsecureSkipTLSVerify: cfg.Insecure,
		}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{name: {Token: cfg.BearerToken}},
		Contexts:       map[string]*clientcmdapi.Context{name: {Cluster: name, AuthInfo: name}},
		CurrentContext: name,
	}, path)
	if err != nil {
		t.Fatalf("testkit: write a kubeconfig: %v", err)
	}
	return path
}
