package standin

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/testkit"
)

// crds are those of the kinds that divide traffic, which are kept beside the checkout.
func crds(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, name := range []string{"apisix_apisixroutes.yaml", "smi_trafficsplits.yaml"} {
		file := filepath.Join(testkit.Root(), "..", "shared", "crds", name)
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			t.Skip("the CRD is not beside the checkout: ../shared/crds/" + name)
		}
		files = append(files, file)
	}
	return files
}

// TestWatchKnowsTheCluster has the objects exist before the proxy does, which is when Watch promises to know them.
func TestWatchKnowsTheCluster(t *testing.T) {
	cfg := testkit.StartAPIServer(t, crds(t)...)
	direct, err := client.New(cfg, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	namespace := testkit.NewNamespace(t, direct)
	host := namespace + ".example.com"
	rule := lead("all", "/*", 0, apisixBackend("podinfo-canary", 1))
	rule["match"] = map[string]any{"hosts": []any{host}, "paths": []any{"/*"}}
	pods := slice("podinfo-canary", "podinfo-6d8f-fghij", 9898)
	pods.Endpoints[0].Addresses = []string{"10.244.0.7"}
	for _, o := range []client.Object{
		service("podinfo"), service("podinfo-canary"), pods,
		apisixRoute("shop", rule),
		trafficSplit("podinfo", splitBackend("podinfo-canary", "1")),
	} {
		o.SetNamespace(namespace)
		if err := direct.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := New(Options{Now: time.Now})
	if err := p.Watch(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	known := p.latest()
	canary := servicePort{service: types.NamespacedName{Namespace: namespace, Name: "podinfo-canary"}, port: "80"}
	want := []endpoint{{address: "10.244.0.7:9898", pod: "podinfo-6d8f-fghij"}}
	if diff := cmp.Diff(want, known.endpoints[canary], inside); diff != "" {
		t.Errorf("pods of the canary (-want +got):\n%s", diff)
	}
	for _, url := range []string{"http://" + host + "/", "http://podinfo." + namespace + "/"} {
		got, _ := known.way(httptest.NewRequest(http.MethodGet, url, nil))
		if diff := cmp.Diff(division{{to: canary, weight: 1}}, got.shares, inside); diff != "" {
			t.Errorf("%s (-want +got):\n%s", url, diff)
		}
	}
}

func TestWatchGoesWithoutAKind(t *testing.T) {
	clients, err := discovery.NewDiscoveryClientForConfig(testkit.StartAPIServer(t))
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[schema.GroupVersionResource]bool{
		{Group: "apps", Version: "v1", Resource: "deployments"}:           true,
		{Group: "apps", Version: "v1", Resource: "apisixroutes"}:          false,
		{Group: "nobody.example.com", Version: "v1", Resource: "nothing"}: false,
	} {
		if got, err := isServed(clients, kind); err != nil || got != want {
			t.Errorf("%s is served: %t, error %v, want %t", kind, got, err, want)
		}
	}
}
