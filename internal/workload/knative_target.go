package workload

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
)

// KnativeService is the Target of kind Service in serving.knative.dev. Knative keeps every version of it as a revision
// that never changes, so nothing is copied: the target is the revision that Knative made last, and the primary is the
// one that an annotation of the Service names. To promote is to move the annotation. The router of Knative sends users
// to the one or the other, and no Services of ours take part.
//
// Knative starts and stops pods by itself, down to none for a revision that can serve all the same. Each side counts
// as one pod, which is available while its revision is ready; as with PlainService, being scaled down takes none away.
type KnativeService struct{ options Options }

var (
	_ Target   = (*KnativeService)(nil)
	_ Services = (*KnativeService)(nil)
)

// NewKnativeService returns the Target, and the Services, for Knative Services.
func NewKnativeService(options Options) *KnativeService { return &KnativeService{options: options} }

// Texts of the contract, which users see in events.
const (
	textKnativeGet      = "Knative Service %s.%s get query error: %w"
	textKnativeUpdate   = "Knative Service %s.%s update query error: %w"
	textRevisionGet     = "Knative Revision %s.%s get query error: %w"
	textRevisionUnready = "Knative Revision %s.%s is not ready"
)

// Observe implements Target. It reads the Service from caches, and live no more than the primary's revision, where the
// Service does not tell that it is ready. A primary whose revision is gone counts as missing. While c is being deleted the
// target is whatever users come to without a canary, which is the last revision that was ready.
func (k *KnativeService) Observe(ctx context.Context, c *v1beta1.Canary, plan rollout.Plan) (Pair, error) {
	service, err := k.read(ctx, k.options.Client, c)
	if err != nil {
		return Pair{}, err
	}
	deleting := !c.DeletionTimestamp.IsZero()
	latest, err := service.latest()
	switch {
	case err != nil && deleting:
		return Pair{}, nil // nothing has ever served
	case err != nil:
		return Pair{}, err
	}
	pair := Pair{Target: standing(knativeRevision(latest))}
	if service.Status.Ready != latest && (service.Status.Ready == "" || !deleting) {
		pair.Target = unready(latest, c.Namespace, service.failure(), plan.Deadline)
	}
	switch primary := service.primary(); {
	case primary == "":
	case primary == latest:
		pair.Primary = pair.Target
	case service.routesTo(primary):
		pair.Primary = standing(knativeRevision(primary))
	default:
		pair.Primary, err = k.revision(ctx, c.Namespace, primary, plan.Deadline)
	}
	return pair, err
}

// revision reads a revision; it does not exist if there is none of the name.
func (k *KnativeService) revision(ctx context.Context, namespace, name string, deadline time.Duration) (rollout.Workload, error) {
	found := &unstructured.Unstructured{}
	found.SetGroupVersionKind(knativeRevisionKind)
	err := k.options.Live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, found)
	switch {
	case apierrors.IsNotFound(err):
		return rollout.Workload{}, nil
	case err != nil:
		return rollout.Workload{}, fmt.Errorf(textRevisionGet, name, namespace, kube.NameCRD(err, knativeRevisionKind))
	}
	fields, err := knativeFieldsOf(found)
	if err != nil {
		return rollout.Workload{}, err
	}
	if fields.isTrue("Ready") {
		return standing(knativeRevision(name)), nil
	}
	return unready(name, namespace, fields.cause("Ready"), deadline), nil
}

// SyncPrimary implements Target. The Service is read live, and a write that meets another's is repeated at most four
// times. A Service that another controller made is ErrForeign. One whose users are not at its latest revision is
// ErrInvalidTarget, for nobody may be moved to a revision that has not been analysed; the user can say with the
// annotation which one is to serve first. Neither is asked of a Service that has a primary.
func (k *KnativeService) SyncPrimary(ctx context.Context, c *v1beta1.Canary, want rollout.Version) error {
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		service, err := k.read(ctx, k.options.Live, c)
		if err != nil {
			return err
		}
		latest, err := service.latest()
		if err != nil {
			return err
		}
		switch present := knativeRevision(latest); {
		case present != want.Revision:
			return fmt.Errorf("%s carries %s and not %s: %w", service, present, want.Revision, ErrVersionChanged)
		case service.primary() == latest:
			return nil
		}
		if err := service.takeable(latest); err != nil {
			return err
		}
		return k.appoint(ctx, service, latest)
	})
}

// appoint makes the revision of the name the primary.
func (k *KnativeService) appoint(ctx context.Context, service knativeService, revision string) error {
	appointed := service.DeepCopy()
	annotations := appointed.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[primaryRevisionAnnotation] = revision
	appointed.SetAnnotations(annotations)
	patch := client.MergeFromWithOptions(service.Unstructured, client.MergeFromWithOptimisticLock{})
	if err := k.options.Client.Patch(ctx, appointed, patch, client.FieldOwner(kube.FieldManager)); err != nil {
		return fmt.Errorf(textKnativeUpdate, service.GetName(), service.GetNamespace(), err)
	}
	return nil
}

// Prune implements Target: a revision's configs are the user's.
func (*KnativeService) Prune(context.Context, *v1beta1.Canary) error { return nil }

// Scale implements Target: Knative does that.
func (*KnativeService) Scale(context.Context, *v1beta1.Canary, rollout.Direction) error { return nil }

// Ensure implements Services: there are none.
func (*KnativeService) Ensure(context.Context, *v1beta1.Canary) error { return nil }

// EnsureApex implements Services: users call the target, which the router divides.
func (*KnativeService) EnsureApex(context.Context, *v1beta1.Canary) error { return nil }

// Release implements Services: the router hands the target back, with the annotation.
func (*KnativeService) Release(context.Context, *v1beta1.Canary) error { return nil }

// read reads the target; ErrTargetNotFound if it is not there.
func (k *KnativeService) read(ctx context.Context, reader client.Reader, c *v1beta1.Canary) (knativeService, error) {
	found := &unstructured.Unstructured{}
	found.SetGroupVersionKind(knativeServiceKind)
	if err := reader.Get(ctx, targetKey(c), found); err != nil {
		err = fmt.Errorf(textKnativeGet, c.Spec.TargetRef.Name, c.Namespace, kube.NameCRD(err, knativeServiceKind))
		return knativeService{}, missing(err)
	}
	fields, err := knativeFieldsOf(found)
	return knativeService{Unstructured: found, knativeFields: fields}, err
}

var (
	knativeServiceKind  = schema.GroupVersionKind{Group: "serving.knative.dev", Version: "v1", Kind: "Service"}
	knativeRevisionKind = schema.GroupVersionKind{Group: "serving.knative.dev", Version: "v1", Kind: "Revision"}
)
