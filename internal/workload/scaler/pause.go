package scaler

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
)

// Merge patches of the one annotation that is ours on the user's object.
const (
	pausePatch  = `{"metadata":{"annotations":{"` + pauseAnnotation + `":"` + noPods + `"}}}`
	resumePatch = `{"metadata":{"annotations":{"` + pauseAnnotation + `":null}}}`
)

// Pause keeps the target's autoscaler from starting pods while the target rests. Without an autoscaler that does so,
// there is nothing to pause: a HorizontalPodAutoscaler leaves a workload of no pods alone.
func (a *Autoscaler) Pause(ctx context.Context, c *v1beta1.Canary) error {
	k, found := kindOf(c)
	if !found || k.gvk != scaledObject.gvk {
		return nil
	}
	target, err := a.readScaling(ctx, c, k)
	if err != nil || target == nil || target.GetAnnotations()[pauseAnnotation] == noPods {
		return err
	}
	return a.annotate(ctx, target, pausePatch)
}

// Resume lets the target's autoscaler work again. A pause that is not ours stays. It returns the least number of pods
// that the autoscaler allows, at least 1; 1 without an autoscaler, and for a HorizontalPodAutoscaler that cannot be read.
// A ScaledObject that cannot be read is an error, as it may be paused still.
func (a *Autoscaler) Resume(ctx context.Context, c *v1beta1.Canary) (int32, error) {
	k, found := kindOf(c)
	if !found {
		return 1, nil
	}
	target, err := a.readScaling(ctx, c, k)
	switch {
	case err != nil && k.gvk == scaledObject.gvk:
		return 1, err
	case err != nil || target == nil:
		return 1, nil
	case k.gvk == scaledObject.gvk && target.GetAnnotations()[pauseAnnotation] == noPods:
		err = a.annotate(ctx, target, resumePatch)
	}
	return k.floor(target), err
}

// readScaling reads the target's autoscaler; nil where nothing of that name scales the target.
func (a *Autoscaler) readScaling(ctx context.Context, c *v1beta1.Canary, k kind) (*unstructured.Unstructured, error) {
	target, err := a.readTarget(ctx, c, k)
	switch {
	case apierrors.IsNotFound(err) || meta.IsNoMatchError(err):
		return nil, nil
	case err != nil:
		return nil, err
	case k.scaled(target) != targetOf(c):
		return nil, nil
	}
	return target, nil
}

// annotate sends one of the patches; an object that is gone needs none.
func (a *Autoscaler) annotate(ctx context.Context, target *unstructured.Unstructured, patch string) error {
	name := target.GetName()
	err := a.options.Client.Patch(ctx, target, client.RawPatch(types.MergePatchType, []byte(patch)), client.FieldOwner(kube.FieldManager))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf(scaledObject.texts.update, name, target.GetNamespace(), err)
	}
	return nil
}
