package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	apiversion "k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
)

func TestSupportedVersions(t *testing.T) {
	cases := map[string]struct {
		reason string
		want   bool
	}{
		"v1.11.0":              {"The oldest.", true},
		"v1.11.0-beta.1":       {"Pre-releases are allowed, of the oldest too.", true},
		"v1.10.13":             {"One too old.", false},
		"v1.36.3":              {"The one that the tests run on.", true},
		"v1.33.4-gke.1172000":  {"A cloud's own suffix does not count.", true},
		"v1.33.3-eks-ace6451":  {"Nor does another one's.", true},
		"v1.30.2+k3s1":         {"Nor build metadata.", true},
		"v2.0.0":               {"Another major version is another API.", false},
		"v0.99.0":              {"Nobody has seen that.", false},
		"":                     {"A server that does not tell is none.", false},
		"not-a-version-at-all": {"Nor one that tells anything else.", false},
	}
	for version, tc := range cases {
		t.Run(version, func(t *testing.T) {
			if got := isSupported(version); got != tc.want {
				t.Errorf("%s\ngot %t, want %t", tc.reason, got, tc.want)
			}
		})
	}
}

// cluster is an API server that knows some of our kinds and has none of their objects.
func cluster(t *testing.T, version string, kinds ...string) *rest.Config {
	t.Helper()
	plurals := map[string]string{"Canary": "canaries", "MetricTemplate": "metrictemplates", "AlertProvider": "alertproviders"}
	resources := metav1.APIResourceList{GroupVersion: "flagger.app/v1beta1"}
	mux := http.NewServeMux()
	serve := func(path string, answer any) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if err := json.NewEncoder(w).Encode(answer); err != nil {
				t.Error(err)
			}
		})
	}
	for _, kind := range kinds {
		resources.APIResources = append(resources.APIResources, metav1.APIResource{Name: plurals[kind], Kind: kind, Namespaced: true})
		list := metav1.PartialObjectMetadataList{TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadataList"}}
		serve("/apis/flagger.app/v1beta1/"+plurals[kind], list)
		serve("/apis/flagger.app/v1beta1/namespaces/test/"+plurals[kind], list)
	}
	ours := metav1.GroupVersionForDiscovery{GroupVersion: "flagger.app/v1beta1", Version: "v1beta1"}
	serve("/api", metav1.APIVersions{Versions: []string{"v1"}})
	serve("/apis", metav1.APIGroupList{Groups: []metav1.APIGroup{
		{Name: "flagger.app", Versions: []metav1.GroupVersionForDiscovery{ours}, PreferredVersion: ours},
	}})
	serve("/apis/flagger.app/v1beta1", resources)
	serve("/version", apiversion.Info{GitVersion: version})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL}
}

func TestCheckCluster(t *testing.T) {
	all := []string{"Canary", "MetricTemplate", "AlertProvider"}
	cases := map[string]struct {
		reason    string
		version   string
		kinds     []string
		namespace string
		want      string // the beginning of the error
	}{
		"Complete":         {"All is there.", "v1.36.3", all, "", ""},
		"OneNamespace":     {"Rights in one namespace are enough to see it.", "v1.36.3", all, "test", ""},
		"NoCanary":         {"Users search for the line.", "v1.36.3", all[1:], "", "Canary CRD is not registered no matches for kind"},
		"NoMetricTemplate": {"Each CRD is told by name.", "v1.36.3", []string{"Canary", "AlertProvider"}, "", "MetricTemplate CRD is not registered "},
		"NoAlertProvider":  {"The last one too.", "v1.36.3", all[:2], "", "AlertProvider CRD is not registered "},
		"NoRights":         {"A kind that may not be listed is as good as none.", "v1.36.3", all, "elsewhere", "Canary CRD is not registered "},
		"TooOld":           {"An API server from before our time.", "v1.10.3", all, "", "Unsupported version of kubernetes detected.  Expected ^1.11.0, got v1.10.3"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var lines []string
			log := funcr.New(func(_, args string) { lines = append(lines, args) }, funcr.Options{})
			err := checkCluster(t.Context(), cluster(t, tc.version, tc.kinds...), tc.namespace, log)
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("%s\ngot %v", tc.reason, err)
			case tc.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tc.want)):
				t.Errorf("%s\ngot %v, want %q", tc.reason, err, tc.want)
			case tc.want == "" && cmp.Diff([]string{`"level"=0 "msg"="Connected to Kubernetes API v1.36.3"`}, lines) != "":
				t.Errorf("%s\ngot %q", tc.reason, lines)
			}
		})
	}
}

// Users know -kubeconfig-qps as the limit of each of several clients, so that a flood of one kind holds up no other. A
// lane that is full shows that none of those before has used of it.
func TestLanes(t *testing.T) {
	const burst = 30
	p := newPlace(t)
	p.cfg.QPS, p.cfg.Burst = 1e-6, burst // what is used up does not come back
	lock, cfg, err := elect(p.cfg, parsed(t, "-enable-leader-election", "-leader-election-namespace="+p.canary.Namespace), logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	cfg.WrapTransport = nil // the fence would hold back all writes, and is tested elsewhere
	p.cfg = cfg
	mgr := p.managed(t)
	recorder, err := addEvents(mgr, logr.Discard(), func() { t.Error("an event was dropped") })
	if err != nil {
		t.Fatal(err)
	}
	running(t, mgr)

	patch := client.RawPatch(types.MergePatchType, []byte("{}"))
	named := metav1.ObjectMeta{Name: "missing", Namespace: p.canary.Namespace}
	route := &unstructured.Unstructured{}
	route.SetAPIVersion("networking.k8s.io/v1")
	route.SetKind("Ingress")
	route.SetName(named.Name)
	route.SetNamespace(named.Namespace)
	lanes := []struct {
		name string
		send func(ctx context.Context) error
	}{
		{"status of canaries", func(ctx context.Context) error {
			return mgr.GetClient().Status().Patch(ctx, &v1beta1.Canary{ObjectMeta: named}, patch)
		}},
		{"Deployments", func(ctx context.Context) error {
			return mgr.GetClient().Patch(ctx, &appsv1.Deployment{ObjectMeta: named}, patch)
		}},
		{"reads of Deployments past the cache", func(ctx context.Context) error {
			return mgr.GetAPIReader().Get(ctx, client.ObjectKey{Namespace: named.Namespace, Name: named.Name}, &appsv1.Deployment{})
		}},
		{"Services", func(ctx context.Context) error {
			return mgr.GetClient().Patch(ctx, &corev1.Service{ObjectMeta: named}, patch)
		}},
		{"routing objects", func(ctx context.Context) error { return mgr.GetClient().Patch(ctx, route, patch) }},
		{"lease", func(ctx context.Context) error { _, _, err := lock.Get(ctx); return err }},
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience) // a limiter that cannot keep it says so at once
	defer cancel()
	for _, lane := range lanes {
		sent := 0
		for apierrors.IsNotFound(lane.send(ctx)) {
			sent++
		}
		if sent != burst {
			t.Errorf("%s: %d requests pass, want %d", lane.name, sent, burst)
		}
	}
	for i := range burst {
		recorder.Eventf(p.canary, corev1.EventTypeNormal, "Synced", "Advance canary weight %d", i)
	}
	for range burst {
		p.next(t) // ends only if events have a limiter of their own
	}
}

// A reconciler has to know a write that was held back from one that has failed.
func TestClientTellsOfTheFence(t *testing.T) {
	p := newPlace(t)
	_, cfg, err := elect(p.cfg, parsed(t, "-enable-leader-election"), logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(cfg, client.Options{Scheme: p.managed(t).GetScheme()})
	if err != nil {
		t.Fatal(err)
	}
	err = c.Status().Patch(t.Context(), p.canary, client.RawPatch(types.MergePatchType, []byte("{}")))
	if !errors.Is(err, kube.ErrFenced) {
		t.Errorf("got %v, want %v", err, kube.ErrFenced)
	}
}

func TestConnect(t *testing.T) {
	cfg, err := connect(parsed(t, "-master=http://127.0.0.1:1", "-kubeconfig-qps=7", "-kubeconfig-burst=9"))
	if err != nil {
		t.Fatal(err)
	}
	want := []any{"http://127.0.0.1:1", float32(7), 9, "flagger/dev"}
	if diff := cmp.Diff(want, []any{cfg.Host, cfg.QPS, cfg.Burst, cfg.UserAgent}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, err = connect(parsed(t, "-kubeconfig=/nowhere"))
	if err == nil || !strings.HasPrefix(err.Error(), "Error building kubeconfig: ") {
		t.Errorf("got %v", err)
	}
}
