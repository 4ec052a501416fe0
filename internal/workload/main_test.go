package workload

import (
	"context"
	"errors"
	"flag"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/internal/workload/configs"
	"flagger.app/flagger/internal/workload/scaler"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// defaultLabels are the operator's default -selector-labels.
var defaultLabels = []string{"app", "name", "app.kubernetes.io/name"}

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(testkit.Main(m))
}

// cluster is a namespace of a real API server with the adapters under test.
type cluster struct {
	client.Client
	namespace  string
	deployment *PodTarget
	daemonSet  *PodTarget
	services   *PodServices
}

func newCluster(t *testing.T) cluster {
	t.Helper()
	c, err := client.New(testkit.StartAPIServer(t), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	options := Options{
		Client: c, Live: c, SelectorLabels: defaultLabels,
		Scaler: scaler.New(scaler.Options{Client: c}),
	}
	return cluster{
		Client:     c,
		namespace:  testkit.NewNamespace(t, c),
		deployment: NewDeployment(options),
		daemonSet:  NewDaemonSet(options),
		services:   NewServices(options),
	}
}

// canary is a canary of the Deployment podinfo in the cluster's namespace.
func (c cluster) canary() *v1beta1.Canary {
	return &v1beta1.Canary{
		ObjectMeta: metav1.ObjectMeta{Name: "podinfo", Namespace: c.namespace, UID: types.UID("uid-of-" + c.namespace)},
		Spec: v1beta1.CanarySpec{
			TargetRef: v1beta1.LocalObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "podinfo"},
			Service:   v1beta1.CanaryService{Port: 80},
		},
	}
}

// target is the Deployment podinfo as a user applies it.
func (c cluster) target() *appsv1.Deployment {
	labels := map[string]string{"app": "podinfo"}
	count := int32(2)
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "podinfo", Namespace: c.namespace, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: &count,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name: "podinfod", Image: "app:1", Ports: []corev1.ContainerPort{{Name: "web", ContainerPort: 9898}},
				}}},
			},
		},
	}
}

// create makes the objects; the API server fills in its defaults.
func (c cluster) create(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		if err := c.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

func (c cluster) readDeployment(t *testing.T, name string) *appsv1.Deployment {
	t.Helper()
	found := &appsv1.Deployment{}
	c.get(t, name, found)
	return found
}

func (c cluster) readService(t *testing.T, name string) *corev1.Service {
	t.Helper()
	found := &corev1.Service{}
	c.get(t, name, found)
	return found
}

func (c cluster) get(t *testing.T, name string, into client.Object) {
	t.Helper()
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: c.namespace, Name: name}, into); err != nil {
		t.Fatal(err)
	}
}

// setReplicas makes a Deployment ask for count pods, as its user may.
func (c cluster) setReplicas(t *testing.T, name string, count int32) {
	t.Helper()
	found := c.readDeployment(t, name)
	found.Spec.Replicas = &count
	if err := c.Update(t.Context(), found); err != nil {
		t.Fatal(err)
	}
}

// setImage deploys a new revision of podinfo, and returns it.
func (c cluster) setImage(t *testing.T, image string) string {
	t.Helper()
	target := c.readDeployment(t, "podinfo")
	target.Spec.Template.Spec.Containers[0].Image = image
	if err := c.Update(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	return revisionOf(t, target)
}

// foreign is true where the object has no owner, which ours always have.
func foreign(object metav1.Object) bool { return len(object.GetOwnerReferences()) == 0 }

func revisionOf(t *testing.T, d *appsv1.Deployment) string {
	t.Helper()
	revision, err := Revision(&d.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

// interrupted is a Reader with somebody else who acts right after one read of an object of that name: the first, or
// the one whose number, counted from 1, is after.
type interrupted struct {
	client.Reader
	name  string
	after int
	act   func()
}

func (r *interrupted) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	err := r.Reader.Get(ctx, key, object, options...)
	if key.Name != r.name || r.act == nil {
		return err
	}
	if r.after--; r.after > 0 {
		return err
	}
	act := r.act
	r.act = nil
	act()
	return err
}

// errUnreadable is what an unreadable object gives.
var errUnreadable = errors.New("connection refused")

// unreadable is a Reader that cannot read the objects of one name.
type unreadable struct {
	client.Reader
	name string
}

func (r unreadable) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if key.Name == r.name {
		return errUnreadable
	}
	return r.Reader.Get(ctx, key, object, options...)
}

// readingThrough is a Client whose reads of single objects go through another Reader.
type readingThrough struct {
	client.Client
	reader client.Reader
}

func (c readingThrough) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	return c.reader.Get(ctx, key, object, options...)
}

// errCrashed is what a crashing client gives.
var errCrashed = errors.New("crashed")

// recorder is a Client that remembers what it was asked for, as verb and name; the verb of a JSON patch is overwrite. If
// crash is the next write, it is not sent, and the client serves again; of mute, the answer does not come back. before is
// called ahead of every write, after behind it; nil for nothing.
type recorder struct {
	client.Client
	calls         []string
	crash, mute   string
	before, after func(call string)
}

// write notes a write and does it.
func (r *recorder) write(verb string, object client.Object, do func() error) error {
	call := verb + " " + object.GetName()
	r.calls = append(r.calls, call)
	if r.before != nil {
		r.before(call)
	}
	if call == r.crash {
		r.crash = ""
		return errCrashed
	}
	err := do()
	if r.after != nil {
		r.after(call)
	}
	if call == r.mute {
		r.mute = ""
		return &url.Error{Op: verb, URL: object.GetName(), Err: io.ErrUnexpectedEOF}
	}
	return err
}

// took returns the calls since it was last asked, sorted.
func (r *recorder) took() []string {
	calls := slices.Sorted(slices.Values(r.calls))
	r.calls = nil
	return calls
}

// tookWrites are those of the calls that are no reads.
func (r *recorder) tookWrites() []string {
	return slices.DeleteFunc(r.took(), func(call string) bool { return strings.HasPrefix(call, "get ") })
}

func (r *recorder) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	r.calls = append(r.calls, "get "+key.Name)
	return r.Client.Get(ctx, key, object, options...)
}

func (r *recorder) Create(ctx context.Context, object client.Object, options ...client.CreateOption) error {
	return r.write("create", object, func() error { return r.Client.Create(ctx, object, options...) })
}

func (r *recorder) Update(ctx context.Context, object client.Object, options ...client.UpdateOption) error {
	return r.write("update", object, func() error { return r.Client.Update(ctx, object, options...) })
}

func (r *recorder) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	verb := "patch"
	if patch.Type() == types.JSONPatchType {
		verb = "overwrite"
	}
	return r.write(verb, object, func() error { return r.Client.Patch(ctx, object, patch, options...) })
}

// tracking makes the adapters follow configs, with the cluster in place of a cache that is never behind. It returns the
// client whose calls are all others: requests.
func (c *cluster) tracking() *recorder {
	through := &recorder{Client: c.Client}
	for _, adapter := range []*PodTarget{c.deployment, c.daemonSet} {
		adapter.options.Client, adapter.options.Live = readingThrough{through, c.Client}, through
		adapter.options.Configs = configs.New(configs.Options{Client: through, Live: through, Metadata: c.Client})
	}
	return through
}

// load decodes a YAML file; it reports whether there is one.
func load(t *testing.T, file string, into any) bool {
	t.Helper()
	content, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(content, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return true
}

// cases are the folders below testdata/<group>.
func cases(t *testing.T, group string) map[string]string {
	t.Helper()
	folders, err := filepath.Glob(filepath.Join("testdata", group, "*"))
	if err != nil || len(folders) == 0 {
		t.Fatalf("no cases in testdata/%s: %v", group, err)
	}
	found := map[string]string{}
	for _, folder := range folders {
		found[filepath.Base(folder)] = folder
	}
	return found
}
