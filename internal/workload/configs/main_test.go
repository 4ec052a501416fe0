package configs

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	os.Exit(testkit.Main(m))
}

// cluster is a namespace of a real API server and a user who edits it.
type cluster struct {
	*testing.T
	client.Client
	namespace string
	config    *rest.Config
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	cfg := testkit.StartAPIServer(t)
	c, err := client.New(cfg, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{T: t, Client: c, namespace: testkit.NewNamespace(t, c), config: cfg}
}

// nobody reads as a user without any right.
func (k *cluster) nobody() client.Reader {
	k.Helper()
	cfg := rest.CopyConfig(k.config)
	cfg.Impersonate = rest.ImpersonationConfig{UserName: "nobody"}
	c, err := client.New(cfg, client.Options{Mapper: k.RESTMapper()})
	if err != nil {
		k.Fatal(err)
	}
	return c
}

// canary is a canary of that name with a target of the same name; nothing of it is in the cluster.
func (k *cluster) canary(name string) *v1beta1.Canary {
	return &v1beta1.Canary{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: k.namespace, UID: uidOf(name)},
		Spec:       v1beta1.CanarySpec{TargetRef: v1beta1.LocalObjectReference{Kind: "Deployment", Name: name}},
	}
}

// uidOf is the identity of whatever has that name.
func uidOf(name string) types.UID { return types.UID("uid-of-" + name) }

// apply creates the objects in the cluster's namespace, or updates those that there are.
func (k *cluster) apply(objects ...client.Object) {
	k.Helper()
	for _, object := range objects {
		object.SetNamespace(k.namespace)
		err := k.Create(k.Context(), object)
		if client.IgnoreAlreadyExists(err) != nil {
			k.Fatal(err)
		}
		if err != nil {
			k.must(k.Update(k.Context(), object))
		}
	}
}

func (k *cluster) remove(objects ...client.Object) {
	k.Helper()
	for _, object := range objects {
		object.SetNamespace(k.namespace)
		k.must(k.Delete(k.Context(), object))
	}
}

// find reads an object; nil if there is none.
func (k *cluster) find(kind Kind, name string) client.Object {
	k.Helper()
	object := kind.newObject()
	err := k.Get(k.Context(), client.ObjectKey{Namespace: k.namespace, Name: name}, object)
	if client.IgnoreNotFound(err) != nil {
		k.Fatal(err)
	}
	if err != nil {
		return nil
	}
	return object
}

func (k *cluster) must(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

// ledger is a client that notes its requests as "verb kind/name", and lists as "list Kind namespace".
type ledger struct {
	client.Client
	requests []string
}

func (k *cluster) newLedger() *ledger {
	k.Helper()
	direct, err := client.NewWithWatch(k.config, client.Options{Mapper: k.RESTMapper()})
	k.must(err)
	l := &ledger{}
	l.Client = interceptor.NewClient(direct, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			l.note("get", o, key.Name)
			return c.Get(ctx, key, o, opts...)
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			in := (&client.ListOptions{}).ApplyOptions(opts).Namespace
			l.requests = append(l.requests, strings.TrimSpace("list "+list.GetObjectKind().GroupVersionKind().Kind+" "+in))
			return c.List(ctx, list, opts...)
		},
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			l.note("create", o, o.GetName())
			return c.Create(ctx, o, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			l.note("update", o, o.GetName())
			return c.Update(ctx, o, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			l.note("patch", o, o.GetName())
			return c.Patch(ctx, o, p, opts...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			l.note("delete", o, o.GetName())
			return c.Delete(ctx, o, opts...)
		},
	})
	return l
}

func (l *ledger) note(verb string, object client.Object, name string) {
	kind := ConfigMap
	if _, isSecret := object.(*corev1.Secret); isSecret || object.GetObjectKind().GroupVersionKind().Kind == Secret.Metadata().Kind {
		kind = Secret
	}
	l.requests = append(l.requests, verb+" "+Key(kind, name))
}

// settled returns what was noted since the last call.
func (l *ledger) settled() []string {
	noted := l.requests
	l.requests = nil
	return noted
}

// detour is a Reader that has some of its answers from other Readers.
type detour struct {
	client.Reader
	// objects are by the name of the object.
	objects map[string]client.Reader
	lists   client.Reader
}

func (d *detour) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if other, there := d.objects[key.Name]; there {
		return other.Get(ctx, key, object, options...)
	}
	return d.Reader.Get(ctx, key, object, options...)
}

func (d *detour) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	if d.lists != nil {
		return d.lists.List(ctx, list, options...)
	}
	return d.Reader.List(ctx, list, options...)
}

// interrupted is a Reader with somebody else who acts right after the first read of an object of that name.
type interrupted struct {
	client.Reader
	name string
	act  func()
}

func (r *interrupted) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	err := r.Reader.Get(ctx, key, object, options...)
	if act := r.act; key.Name == r.name && act != nil {
		r.act = nil
		act()
	}
	return err
}

// failing is a Reader that cannot read.
type failing struct{ error }

func (f failing) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return f.error
}

func (f failing) List(context.Context, client.ObjectList, ...client.ListOption) error { return f.error }

// templateOf refers to the configs.
func templateOf(references ...Reference) *corev1.PodTemplateSpec {
	template := &corev1.PodTemplateSpec{}
	for _, r := range references {
		source, optional := corev1.EnvFromSource{}, r.Optional
		name := corev1.LocalObjectReference{Name: r.Name}
		if r.Kind == Secret {
			source.SecretRef = &corev1.SecretEnvSource{LocalObjectReference: name, Optional: &optional}
		} else {
			source.ConfigMapRef = &corev1.ConfigMapEnvSource{LocalObjectReference: name, Optional: &optional}
		}
		template.Spec.Containers = append(template.Spec.Containers, corev1.Container{EnvFrom: []corev1.EnvFromSource{source}})
	}
	return template
}

// mandatory refers to configs without which the pods do not start.
func mandatory(kind Kind, names ...string) []Reference {
	var references []Reference
	for _, name := range names {
		references = append(references, Reference{Kind: kind, Name: name})
	}
	return references
}

func configMap(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data}
}

func secret(name string, class corev1.SecretType, data map[string]string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, Type: class, Data: map[string][]byte{}}
	for key, value := range data {
		s.Data[key] = []byte(value)
	}
	return s
}

// annotated adds the user's choice to a config.
func annotated[O client.Object](object O, choice string) O {
	object.SetAnnotations(map[string]string{"flagger.app/config-tracking": choice})
	return object
}
