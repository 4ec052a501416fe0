package workload

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
)

// PodServices are the Services of targets that run pods.
type PodServices struct{ options Options }

var _ Services = (*PodServices)(nil)

// NewServices returns the Services for Deployments and DaemonSets. They are read from caches; a write that rests on an old copy is
// refused as a conflict, and the next attempt sees the new one.
func NewServices(options Options) *PodServices { return &PodServices{options: options} }

// Ensure implements Services.
func (s *PodServices) Ensure(ctx context.Context, c *v1beta1.Canary) error {
	target, found, err := s.target(ctx, c)
	if err != nil {
		return err
	}
	sides := []front{
		{role: side, name: apexName(c) + "-canary", selects: found.value, metadata: c.Spec.Service.Canary},
		{role: side, name: apexName(c) + suffix, selects: found.primary(), metadata: c.Spec.Service.Primary},
	}
	for _, f := range sides {
		if err := s.sync(ctx, c, f, f.service(c, target, found)); err != nil {
			return fmt.Errorf("reconcileService failed: %w", err)
		}
	}
	return nil
}

// EnsureApex implements Services.
func (s *PodServices) EnsureApex(ctx context.Context, c *v1beta1.Canary) error {
	target, found, err := s.target(ctx, c)
	if err != nil {
		return err
	}
	f := front{role: apex, name: apexName(c), selects: found.primary(), metadata: c.Spec.Service.Apex}
	if err := s.sync(ctx, c, f, f.service(c, target, found)); err != nil {
		return fmt.Errorf("reconcileService failed: %w", err)
	}
	return nil
}

// Release implements Services. It restores the selector that the user applied last if kubectl has noted it; else a
// Service that selects the primary comes to select the target. A Service of a canary goes with that canary, and is left
// alone, as is one that has no target to go back to.
func (s *PodServices) Release(ctx context.Context, c *v1beta1.Canary) error {
	live, err := s.read(ctx, c.Namespace, apexName(c))
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if isOfCanary(live) {
		return nil
	}
	if noted, found := live.Annotations[lastAppliedAnnotation]; found {
		return s.restore(ctx, live, noted)
	}
	target, found, err := s.target(ctx, c)
	if errors.Is(err, ErrTargetNotFound) || errors.Is(err, ErrInvalidTarget) {
		return nil
	}
	if err != nil {
		return err
	}
	if !maps.Equal(live.Spec.Selector, map[string]string{found.key: found.primary()}) {
		return nil
	}
	f := front{role: apex, name: live.Name, selects: found.value}
	if err := s.sync(ctx, c, f, f.service(c, target, found)); err != nil {
		return fmt.Errorf("reconcileService failed: %w", err)
	}
	return nil
}

// restore gives the Service the selector of a manifest.
func (s *PodServices) restore(ctx context.Context, live *corev1.Service, manifest string) error {
	applied := &corev1.Service{}
	if err := json.Unmarshal([]byte(manifest), applied); err != nil {
		return fmt.Errorf("router %s.%s failed to unMarshal annotation %s: %w", live.Name, live.Namespace, lastAppliedAnnotation, err)
	}
	next := live.DeepCopy()
	next.Spec.Selector = applied.Spec.Selector
	return s.patch(ctx, live, next)
}

// sync creates the Service, or brings the live one to it as far as it is ours to do so.
func (s *PodServices) sync(ctx context.Context, c *v1beta1.Canary, f front, want *corev1.Service) error {
	live, err := s.read(ctx, want.Namespace, want.Name)
	if apierrors.IsNotFound(err) {
		if err := s.options.Client.Create(ctx, want, client.FieldOwner(kube.FieldManager)); err != nil {
			return fmt.Errorf("service %s.%s create error: %w", want.Name, want.Namespace, err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if kube.IsOwned(c, live) {
		return s.patch(ctx, live, enforce(live, want, c.Spec.Service.UnmanagedMetadata))
	}
	if f.role == side || isOfCanary(live) {
		return fmt.Errorf("service %s.%s: %w", live.Name, live.Namespace, ErrForeign)
	}
	return s.patch(ctx, live, adopt(live, want))
}

// patch writes what differs between live and next and nothing else, if anything does.
func (s *PodServices) patch(ctx context.Context, live, next *corev1.Service) error {
	if equality.Semantic.DeepEqual(live, next) {
		return nil
	}
	patch := client.MergeFromWithOptions(live, client.MergeFromWithOptimisticLock{})
	if err := s.options.Client.Patch(ctx, next, patch, client.FieldOwner(kube.FieldManager)); err != nil {
		return fmt.Errorf("service %s update error: %w", live.Name, err)
	}
	return nil
}

func (s *PodServices) read(ctx context.Context, namespace, name string) (*corev1.Service, error) {
	live := &corev1.Service{}
	if err := s.options.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, live); err != nil {
		return nil, fmt.Errorf("service %s get query error: %w", name, err)
	}
	return live, nil
}

// target reads the workload behind the Services, and the label that tells its pods apart.
func (s *PodServices) target(ctx context.Context, c *v1beta1.Canary) (view, label, error) {
	kind, found := kinds[c.Spec.TargetRef.Kind]
	if !found {
		return view{}, label{}, fmt.Errorf("services for a target of kind %q: not known", c.Spec.TargetRef.Kind)
	}
	target, err := readTarget(ctx, s.options.Client, kind, c)
	if err != nil {
		return view{}, label{}, err
	}
	by, err := labelOf(target, s.options.SelectorLabels)
	return target, by, err
}

// apexName is the name of the Service that users call, and the beginning of the names of the other two.
func apexName(c *v1beta1.Canary) string { return cmp.Or(c.Spec.Service.Name, c.Spec.TargetRef.Name) }

// isOfCanary says whether some canary made the Service.
func isOfCanary(service *corev1.Service) bool {
	controller := metav1.GetControllerOf(service)
	return controller != nil && controller.Kind == "Canary"
}
