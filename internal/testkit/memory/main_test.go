package memory_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/internal/testkit/memory"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

const namespace = "sim"

var (
	canaryKind     = v1beta1.GroupVersion.WithKind(v1beta1.CanaryKind)
	deploymentKind = appsv1.SchemeGroupVersion.WithKind("Deployment")
	configMapKind  = corev1.SchemeGroupVersion.WithKind("ConfigMap")
)

var scheme = func() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1beta1.AddToScheme} {
		if err := add(s); err != nil {
			panic(err)
		}
	}
	return s
}()

// noon is when everything happens.
var noon = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

func newServer() *memory.Server {
	return memory.New(scheme, func() time.Time { return noon }, canaryKind, deploymentKind, configMapKind)
}

// configMap is a ConfigMap of that name which says so.
func configMap(name, says string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: map[string]string{"says": says},
	}
}

func key(name string) client.ObjectKey { return client.ObjectKey{Namespace: namespace, Name: name} }

// says returns what the ConfigMap says according to the reader, or why it does not.
func says(r client.Reader, name string) string {
	found := &corev1.ConfigMap{}
	if err := r.Get(context.Background(), key(name), found); err != nil {
		return reason(err)
	}
	return found.Data["says"]
}

// say makes a ConfigMap say something else.
func say(t *testing.T, c client.Client, name, what string) error {
	t.Helper()
	patch := client.RawPatch(types.MergePatchType, []byte(`{"data":{"says":"`+what+`"}}`))
	return c.Patch(t.Context(), configMap(name, ""), patch)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// reason names an error in a word.
func reason(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, memory.ErrDead):
		return "dead"
	case apierrors.ReasonForError(err) != metav1.StatusReasonUnknown:
		return string(apierrors.ReasonForError(err))
	}
	return err.Error()
}
