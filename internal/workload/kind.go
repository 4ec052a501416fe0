package workload

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
)

// kind is one kind of workload that runs pods from a template. Its objects are those that empty makes.
type kind interface {
	// traits are what holds for every workload of the kind.
	traits() traits
	// empty is a workload to read into.
	empty() client.Object
	// view reads off a workload what the kinds have in common.
	view(o client.Object) view
	// judge says how far a workload's own rollout has come.
	judge(o client.Object, needs bar) finding
	// resize is how a workload comes to ask for count pods.
	resize(o client.Object, count int32) resizing
}

// kinds are the kinds of target that run pods, by the value of spec.targetRef.kind.
var kinds = map[string]kind{
	deployments{}.traits().name: deployments{},
	daemonSets{}.traits().name:  daemonSets{},
}

// traits are the constants of a kind.
type traits struct {
	// name is the kind's in the API, word its name in texts.
	name, word string
	// hasReplicas: spec.replicas is the number of pods asked for.
	hasReplicas bool
	// idleKey is the key of the node selector that stops the target's pods; empty where replicas do that.
	idleKey string
	// copied are the members of spec that the primary takes over besides its template.
	copied []string
	// apart are the places in a template with selectors that are to mean the primary's pods at the primary.
	apart []string
	// canary and primary say in events that a workload is not ready.
	canary, primary notReady
}

func (t traits) gvk() schema.GroupVersionKind { return appsv1.SchemeGroupVersion.WithKind(t.name) }

// notReady are formats that take a name, a namespace and a reason.
type notReady struct{ waiting, stuck string }

// view is what matters of a workload that runs pods, whatever its kind.
type view struct {
	client.Object
	word string
	// template is as the user wrote it.
	template *corev1.PodTemplateSpec
	selector *metav1.LabelSelector
	// replicas are the pods asked for, available those that can serve.
	replicas, available int32
	// serving is since when enough of them can; zero where that cannot be told.
	serving time.Time
	// stopping pods still count although none are asked for.
	stopping bool
	// invalid says why it cannot be released; nil where it can.
	invalid error
}

// String names the workload in errors.
func (v view) String() string { return fmt.Sprintf("%s %s.%s", v.word, v.GetName(), v.GetNamespace()) }

// selected are the labels that its pods must have.
func (v view) selected() map[string]string {
	if v.selector == nil {
		return nil
	}
	return v.selector.MatchLabels
}

// resizing is a merge patch, nil where there is nothing to write, and the error text if it cannot be written.
type resizing struct {
	patch   []byte
	failure string
}

// read reads a workload of a kind.
func read(ctx context.Context, reader client.Reader, k kind, key client.ObjectKey) (view, error) {
	object := k.empty()
	if err := reader.Get(ctx, key, object); err != nil {
		return view{}, fmt.Errorf("%s %s.%s get query error: %w", k.traits().word, key.Name, key.Namespace, err)
	}
	return k.view(object), nil
}

// readTarget reads the canary's target; ErrTargetNotFound if it is not there.
func readTarget(ctx context.Context, reader client.Reader, k kind, c *v1beta1.Canary) (view, error) {
	target, err := read(ctx, reader, k, targetKey(c))
	return target, missing(err)
}

// missing marks the error of a target that is not there.
func missing(err error) error {
	if apierrors.IsNotFound(err) {
		return marked{error: err, mark: ErrTargetNotFound}
	}
	return err
}

func targetKey(c *v1beta1.Canary) client.ObjectKey {
	return client.ObjectKey{Namespace: c.Namespace, Name: c.Spec.TargetRef.Name}
}

func primaryKey(c *v1beta1.Canary) client.ObjectKey {
	return client.ObjectKey{Namespace: c.Namespace, Name: primaryName(c)}
}

// primaryName is the name of the copy of the canary's target.
func primaryName(c *v1beta1.Canary) string { return c.Spec.TargetRef.Name + suffix }
