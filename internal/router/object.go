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

// Texts are the contract's for a write that fails: formats of the object's name, its namespace and the cause.
type Texts struct {
	Create, Update string
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

// Swap makes live what changed says, by a patch of that which differs. It is a conflict if the object is not the one
// any more that changed was made from.
func (d Deps) Swap(ctx context.Context, live, changed *unstructured.Unstructured) error {
	patch := client.MergeFromWithOptions(live, client.MergeFromWithOptimisticLock{})
	return d.Client.Patch(ctx, changed, patch, client.FieldOwner(kube.FieldManager))
}

// Discard removes live, which was claimed for a canary that goes. Where the claim is an owner reference it leaves that
// to the garbage collector. An object that is gone already is no error; one that was made anew since is a conflict.
func (d Deps) Discard(ctx context.Context, live *unstructured.Unstructured) error {
	if d.Owned {
		return nil
	}
	uid := live.GetUID()
	err := d.Client.Delete(ctx, live, client.Preconditions{UID: &uid})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("%s %s.%s delete error: %w", live.GetKind(), live.GetName(), live.GetNamespace(), err)
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
		return fmt.Errorf("%s %s.%s update error: %w while handing it back", live.GetKind(), live.GetName(), live.GetNamespace(), err)
	}
	return nil
}
