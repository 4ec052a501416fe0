package testkit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// widgets writes a CRD of namespaced objects of that kind and returns its file.
func widgets(t *testing.T, kind string) string {
	t.Helper()
	lower := strings.ToLower(kind)
	file := filepath.Join(t.TempDir(), lower+".yaml")
	manifest := strings.NewReplacer("KIND", kind, "LOWER", lower).Replace(`apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: LOWERs.testkit.flagger.app}
spec:
  group: testkit.flagger.app
  scope: Namespaced
  names: {kind: KIND, plural: LOWERs, singular: LOWER, listKind: KINDList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`)
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func widget(kind, namespace, name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(schema.GroupVersionKind{Group: "testkit.flagger.app", Version: "v1", Kind: kind})
	object.SetNamespace(namespace)
	object.SetName(name)
	return object
}

func TestASecondCallSharesTheServerAndAddsItsCRDs(t *testing.T) {
	first := testkit.StartAPIServer(t, widgets(t, "Gadget"))
	second := testkit.StartAPIServer(t, widgets(t, "Gizmo"))
	if first.Host != second.Host {
		t.Errorf("two servers run, %s and %s; one per test binary is enough", first.Host, second.Host)
	}
	c, err := client.New(first, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	namespace := testkit.NewNamespace(t, c)
	for _, kind := range []string{"Gadget", "Gizmo"} {
		if err := c.Create(t.Context(), widget(kind, namespace, "one")); err != nil {
			t.Errorf("a %s is not served: %v", kind, err)
		}
	}
}

func TestNamespacesKeepApart(t *testing.T) {
	c, err := client.New(testkit.StartAPIServer(t), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	one, two := testkit.NewNamespace(t, c), testkit.NewNamespace(t, c)
	if one == two || !strings.HasPrefix(one, "testnamespaceskeepapart-") {
		t.Errorf("namespaces %q and %q: want two, named after the test", one, two)
	}
}

func TestTheAdministratorIsNotAudited(t *testing.T) {
	cfg := testkit.StartAPIServer(t)
	admin, err := client.New(cfg, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	operator, err := client.New(testkit.UserConfig(cfg, testkit.Operator), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	namespace := testkit.NewNamespace(t, admin)
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "app"}}
	if err := operator.Create(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	for _, c := range []client.Client{operator, admin} {
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(config), config); err != nil {
			t.Fatal(err)
		}
	}
	var got []testkit.AuditEvent
	for _, event := range testkit.Requests(t) {
		if event.Namespace == namespace {
			event.Code, event.URI, event.Name = 0, "", "" // known only once the answer is on its way
			got = append(got, event)
		}
	}
	want := []testkit.AuditEvent{
		{User: testkit.Operator, Verb: "create", Resource: "configmaps", Namespace: namespace},
		{User: testkit.Operator, Verb: "get", Resource: "configmaps", Namespace: namespace},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("audited requests (-want +got):\n%s", diff)
	}
}

func TestServiceAccountsHaveRightsOfTheirOwn(t *testing.T) {
	cfg := testkit.StartAPIServer(t)
	admin, err := client.New(cfg, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: testkit.NewNamespace(t, admin), Name: "app"}}
	if err := admin.Create(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	token := &authenticationv1.TokenRequest{}
	if err := admin.SubResource("token").Create(t.Context(), account, token); err != nil {
		t.Fatal(err)
	}
	as := rest.CopyConfig(cfg)
	as.BearerToken = token.Status.Token
	c, err := client.New(as, client.Options{Mapper: admin.RESTMapper()})
	if err != nil {
		t.Fatal(err)
	}
	err = c.List(t.Context(), &corev1.SecretList{}, client.InNamespace(account.Namespace))
	if !apierrors.IsForbidden(err) {
		t.Errorf("an account without a role lists secrets: got error %v", err)
	}
	user := "system:serviceaccount:" + account.Namespace + ":app"
	want := []testkit.AuditEvent{{
		User: user, Verb: "list", Resource: "secrets", Namespace: account.Namespace,
		URI: "/api/v1/namespaces/" + account.Namespace + "/secrets",
	}}
	got := testkit.RequestsOf(t, user)
	for i := range got {
		got[i].Code = 0 // known only once the answer is on its way
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("audited requests (-want +got):\n%s", diff)
	}
}
