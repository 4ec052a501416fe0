package router

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
)

// Get returns the object of the name as the cache has it, or nil if there is none. An error about a kind that the API
// server does not know names the missing CRD.
func (d Deps) Get(ctx context.Context, kind schema.GroupVersionKind, namespace, name string) (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	err := d.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, object)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, kube.NameCRD(err, kind)
	}
	return object, nil
}

// Describe names object by kind, name and, if it is in one, namespace: HTTPRoute podinfo.test.
func Describe(object *unstructured.Unstructured) string {
	name := object.GetKind() + " " + object.GetName()
	if namespace := object.GetNamespace(); namespace != "" {
		name += "." + namespace
	}
	return name
}

// Find returns the object that is named after what users call, or nil if there is none. text is the contract's for an
// object that cannot be read: a format of its name, its namespace and the cause.
func (d Deps) Find(ctx context.Context, c *v1beta1.Canary, kind schema.GroupVersionKind, text string) (*unstructured.Unstructured, error) {
	live, err := d.Get(ctx, kind, c.Namespace, ObjectName(c))
	if err != nil {
		return nil, fmt.Errorf(text, ObjectName(c), c.Namespace, err)
	}
	return live, nil
}

// Need is Find of an object that must be there: none is ErrNotFound, in the same text.
func (d Deps) Need(ctx context.Context, c *v1beta1.Canary, kind schema.GroupVersionKind, text string) (*unstructured.Unstructured, error) {
	live, err := d.Find(ctx, c, kind, text)
	if err == nil && live == nil {
		err = fmt.Errorf(text, ObjectName(c), c.Namespace, ErrNotFound)
	}
	return live, err
}

// Texts are the contract's for a write that fails: formats of the object's name, its namespace and the cause.
type Texts struct {
	Create, Update string
}

// StepTexts are Texts of a provider that tells a write which sets the weights from one which repairs the rest.
type StepTexts struct {
	Create, SetWeights, Reconcile string
}

// For returns the texts of a write that makes want of found, the traffic that there is.
func (t StepTexts) For(found, want rollout.Traffic) Texts {
	if found.Primary == want.Primary && found.Canary == want.Canary {
		return Texts{Create: t.Create, Update: t.Reconcile}
	}
	return Texts{Create: t.Create, Update: t.SetWeights}
}

// Write makes live, nil for none, what want says; nothing is sent where it is that already.
func (d Deps) Write(ctx context.Context, live *unstructured.Unstructured, want kube.Manifest, texts Texts) error {
	err := kube.Apply(ctx, d.Client, live, want)
	switch {
	case err == nil:
		return nil
	case live == nil:
		return fmt.Errorf(texts.Create, want.Object.GetName(), want.Object.GetNamespace(), err)
	}
	return fmt.Errorf(texts.Update, want.Object.GetName(), want.Object.GetNamespace(), err)
}

// Rewrite is Write where an apply alone would not do: cleared is what live must become before, nil for as it is.
func (d Deps) Rewrite(ctx context.Context, live, cleared *unstructured.Unstructured, want kube.Manifest, texts Texts) error {
	if cleared == nil {
		return d.Write(ctx, live, want, texts)
	}
	if err := d.Swap(ctx, live, cleared); err != nil {
		return fmt.Errorf(texts.Update, live.GetName(), live.GetNamespace(), err)
	}
	if want.Object.GetResourceVersion() != "" { // it insists on what was there before
		want.Object = want.Object.DeepCopy()
		want.Object.SetResourceVersion(cleared.GetResourceVersion())
	}
	return d.Write(ctx, cleared, want, texts)
}

// Swap makes live what changed says, by a patch of that which differs. It is a conflict if the object is not the one
// any more that changed was made from.
func (d Deps) Swap(ctx context.Context, live, changed *unstructured.Unstructured) error {
	patch := client.MergeFromWithOptions(live, client.MergeFromWithOptimisticLock{})
	return d.Client.Patch(ctx, changed, patch, client.FieldOwner(kube.FieldManager))
}

// Discard removes live, which was claimed for a canary that goes. The garbage collector would do so too where the claim is
// an owner reference, but in no order: users whom live still sends to the primary would find it gone. An object that is
// gone already is no error; one that was made anew since is a conflict.
func (d Deps) Discard(ctx context.Context, live *unstructured.Unstructured) error {
	uid := live.GetUID()
	err := d.Client.Delete(ctx, live, client.Preconditions{UID: &uid})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("%s delete error: %w", Describe(live), err)
	}
	return nil
}

// Release lets go of live, nil for none: it discards what was made for c and writes what handBack makes of a user's
// object, as it was before the first Apply. A handBack of nil says that the object was never taken over.
func (d Deps) Release(ctx context.Context, c *v1beta1.Canary, live *unstructured.Unstructured, handBack func(c *v1beta1.Canary, live *unstructured.Unstructured) (*unstructured.Unstructured, error)) error {
	if live == nil {
		return nil
	}
	if d.Claimed(c, live) {
		return d.Discard(ctx, live)
	}
	restored, err := handBack(c, live)
	if err != nil || restored == nil {
		return err
	}
	if err := d.Swap(ctx, live, restored); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("%s update error: %w while handing it back", Describe(live), err)
	}
	return nil
}
