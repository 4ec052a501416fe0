package manifest

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/testkit"
)

// foreign are the groups of other projects whose CRDs need not be at hand.
var foreign = []string{
	"apisix.apache.org", "appmesh.k8s.aws", "gateway.solo.io", "kuma.io", "networking.istio.io",
	"policy.linkerd.io", "projectcontour.io", "serving.knative.dev", "split.smi-spec.io", "traefik.io",
}

// Cluster is a real API server that refuses unknown fields. It has our kinds, those of the Gateway API, and those of
// other projects whose CRDs lie beside the checkout.
type Cluster struct{ client client.Client }

// NewCluster returns the API server of this test binary.
func NewCluster(t testing.TB) Cluster {
	t.Helper()
	crds := append(besideCheckout(t), filepath.Join("config", "crd", "bases"))
	for _, kind := range []string{"gateways", "httproutes"} {
		crds = append(crds, filepath.Join(gatewayAPI(t), "gateway.networking.k8s.io_"+kind+".yaml"))
	}
	cfg := testkit.StartAPIServer(t, crds...)
	c, err := client.New(cfg, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return Cluster{client: client.WithFieldValidation(c, metav1.FieldValidationStrict)}
}

// besideCheckout are the CRDs of other projects, as far as they are there.
func besideCheckout(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testkit.Root(), "..", "shared", "crds", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(files, func(file string) bool {
		group, _, _ := strings.Cut(filepath.Base(file), "_")
		return group == "flagger" || group == "keda" // ours is that of the checkout, and nobody shows KEDA's
	})
}

// gatewayAPI is the folder of the Gateway API's CRDs, standard channel, in the module that go.mod names.
func gatewayAPI(t testing.TB) string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api")
	list.Dir = testkit.Root()
	dir, err := list.Output()
	if err != nil {
		t.Fatalf("find the module of the Gateway API: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(dir)), "config", "crd", "standard")
}

// Offer has the API server judge each object, of which it keeps none. A foreign kind whose CRD is not at hand is skipped.
func (c Cluster) Offer(t *testing.T, objects []*Object) {
	t.Helper()
	if len(objects) == 0 {
		t.Error("there is nothing to offer")
	}
	for _, object := range objects {
		t.Run(object.GetKind()+"/"+object.GetName(), func(t *testing.T) {
			kind := object.GroupVersionKind()
			mapping, err := c.client.RESTMapper().RESTMapping(kind.GroupKind(), kind.Version)
			if meta.IsNoMatchError(err) && slices.Contains(foreign, kind.Group) {
				t.Skipf("the CRD of %s is not at hand", kind.GroupKind())
			}
			if err != nil {
				t.Fatal(err)
			}
			if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
				c.haveNamespace(t, object.GetNamespace())
			}
			err = c.client.Create(t.Context(), object.DeepCopy(), client.DryRunAll)
			if err != nil && !present(kind.Kind, err) {
				t.Error(err)
			}
		})
	}
}

// present tells whether an object was refused only because this API server needs one like it for the others.
func present(kind string, err error) bool {
	return (kind == "Namespace" || kind == "CustomResourceDefinition") && apierrors.IsAlreadyExists(err)
}

// haveNamespace makes a namespace that is not there yet.
func (c Cluster) haveNamespace(t *testing.T, name string) {
	t.Helper()
	namespace := &corev1.Namespace{}
	namespace.Name = name
	if err := c.client.Create(t.Context(), namespace); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}
