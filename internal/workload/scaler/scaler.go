package scaler

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
)

// ErrForeign says that an autoscaler with the name of the primary's belongs to somebody else and must not be
// overwritten.
var ErrForeign = errors.New("object belongs to somebody else")

// Options are what an Autoscaler needs.
type Options struct {
	// Client writes, and reads from caches.
	Client client.Client
}

// Autoscaler implements workload.Scaler, and stops and starts the target's autoscaler with its pods.
//
// What it reads may be older than its own last write. Calls are to be repeated whenever an autoscaler has changed.
type Autoscaler struct{ options Options }

// New returns an Autoscaler.
func New(o Options) *Autoscaler { return &Autoscaler{options: o} }

// GVK is the kind of the canary's autoscaler; false for a canary without one, or with one of a kind that is not known.
func GVK(c *v1beta1.Canary) (schema.GroupVersionKind, bool) {
	k, found := kindOf(c)
	return k.gvk, found
}

// Names returns the names of the canary's autoscaler and of the primary's copy, for an index of canaries by autoscaler;
// nil for a canary without one.
func Names(c *v1beta1.Canary) []string {
	if _, found := kindOf(c); !found {
		return nil
	}
	return []string{c.Spec.AutoscalerRef.Name, primaryScaler(c)}
}

// Observe implements workload.Scaler. A canary that is being deleted needs no autoscaler any more.
func (a *Autoscaler) Observe(ctx context.Context, c *v1beta1.Canary) (string, error) {
	k, found := kindOf(c)
	if !found || !c.DeletionTimestamp.IsZero() {
		return "", nil
	}
	target, err := a.readTarget(ctx, c, k)
	switch {
	case meta.IsNoMatchError(err):
		return fmt.Sprintf("spec.autoscalerRef.kind: the CRD of %s in %s is not installed", k.gvk.Kind, k.gvk.GroupVersion()), nil
	case apierrors.IsNotFound(err):
		return fmt.Sprintf("spec.autoscalerRef.name: %s %s.%s does not exist", k.gvk.Kind, c.Spec.AutoscalerRef.Name, c.Namespace), nil
	case err != nil:
		return "", err
	}
	if scaled := k.scaled(target); scaled != targetOf(c) {
		return fmt.Sprintf("spec.autoscalerRef.name: %s %s.%s has %s in spec.scaleTargetRef and not the canary's target, %s",
			k.gvk.Kind, target.GetName(), c.Namespace, scaled, targetOf(c)), nil
	}
	_, err = a.readPrimary(ctx, c, k)
	if errors.Is(err, ErrForeign) {
		return fmt.Sprintf("spec.autoscalerRef.name: the primary's autoscaler must be named %s, and %v", primaryScaler(c), err), nil
	}
	return "", err
}

// Ensure implements workload.Scaler. A primary's autoscaler that is there is left as it is.
func (a *Autoscaler) Ensure(ctx context.Context, c *v1beta1.Canary) error {
	k, found := kindOf(c)
	if !found {
		return nil
	}
	live, err := a.readPrimary(ctx, c, k)
	if err != nil || live != nil {
		return err
	}
	return a.write(ctx, c, k, nil)
}

// Sync implements workload.Scaler. Errors are also ErrForeign.
func (a *Autoscaler) Sync(ctx context.Context, c *v1beta1.Canary) error {
	k, found := kindOf(c)
	if !found {
		return nil
	}
	live, err := a.readPrimary(ctx, c, k)
	if err != nil {
		return err
	}
	return a.write(ctx, c, k, live)
}

// write creates the primary's autoscaler, or changes in live, if there is one, what differs.
func (a *Autoscaler) write(ctx context.Context, c *v1beta1.Canary, k kind, live *unstructured.Unstructured) error {
	target, err := a.readTarget(ctx, c, k)
	if err != nil {
		return err
	}
	want, err := k.render(c, target, live)
	switch {
	case err != nil:
		return fmt.Errorf("copy %s %s.%s: %w", k.gvk.Kind, target.GetName(), c.Namespace, err)
	case live == nil:
		return a.create(ctx, k, want)
	case equality.Semantic.DeepEqual(live.Object, want.Object):
		return nil
	}
	patch := client.MergeFromWithOptions(live, client.MergeFromWithOptimisticLock{})
	if err := a.options.Client.Patch(ctx, want, patch, client.FieldOwner(kube.FieldManager)); err != nil {
		return fmt.Errorf(k.texts.update, want.GetName(), c.Namespace, err)
	}
	return nil
}

// create makes the primary's autoscaler. One that appeared since the cache was read is left to the next call.
func (a *Autoscaler) create(ctx context.Context, k kind, want *unstructured.Unstructured) error {
	err := a.options.Client.Create(ctx, want, client.FieldOwner(kube.FieldManager))
	if client.IgnoreAlreadyExists(err) != nil {
		return fmt.Errorf(k.texts.create, want.GetName(), want.GetNamespace(), err)
	}
	return nil
}

// readTarget reads the target's autoscaler.
func (a *Autoscaler) readTarget(ctx context.Context, c *v1beta1.Canary, k kind) (*unstructured.Unstructured, error) {
	return a.read(ctx, k, k.texts.readTarget, client.ObjectKey{Namespace: c.Namespace, Name: c.Spec.AutoscalerRef.Name})
}

// readPrimary reads the primary's autoscaler; nil where there is none, and ErrForeign where it is not the canary's.
func (a *Autoscaler) readPrimary(ctx context.Context, c *v1beta1.Canary, k kind) (*unstructured.Unstructured, error) {
	live, err := a.read(ctx, k, k.texts.readPrimary, client.ObjectKey{Namespace: c.Namespace, Name: primaryScaler(c)})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	case !kube.IsOwned(c, live):
		return nil, fmt.Errorf("%s %s.%s: %w", k.gvk.Kind, live.GetName(), c.Namespace, ErrForeign)
	}
	return live, nil
}

func (a *Autoscaler) read(ctx context.Context, k kind, text string, key client.ObjectKey) (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(k.gvk)
	if err := a.options.Client.Get(ctx, key, object); err != nil {
		return nil, fmt.Errorf(text, key.Name, key.Namespace, err)
	}
	return object, nil
}
