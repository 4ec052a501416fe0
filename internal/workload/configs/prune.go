package configs

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
)

// Prune removes the copies of c that the template of its primary refers to no longer: tools that name configs after
// their content leave one behind with every release. A copy that other canaries own too loses c as its owner. It reads
// from the cache, and costs no request where nothing is to be removed; kinds that nobody has looked at yet are left for a
// later promotion.
func (t *Tracker) Prune(ctx context.Context, c *v1beta1.Canary, template *corev1.PodTemplateSpec) error {
	if t == nil {
		return nil
	}
	owner, references := kube.OwnerReference(c), References(template)
	for _, kind := range kinds {
		if !t.mayList(kind) {
			continue
		}
		list := &metav1.PartialObjectMetadataList{TypeMeta: kind.Metadata().TypeMeta}
		if err := t.options.Metadata.List(ctx, list, client.InNamespace(c.Namespace)); err != nil {
			return fmt.Errorf("list the metadata of %ss: %w", kind, err)
		}
		for i := range list.Items {
			copied := &list.Items[i]
			refers := func(r Reference) bool { return r.Kind == kind && r.Name == copied.Name }
			if !isOwnedBy(copied, owner) || slices.ContainsFunc(references, refers) {
				continue
			}
			copied.TypeMeta = kind.Metadata().TypeMeta
			if err := t.disown(ctx, c, copied); client.IgnoreNotFound(err) != nil {
				return fmt.Errorf("removing %s %s.%s failed: %w", kind, copied.Name, copied.Namespace, err)
			}
		}
	}
	return nil
}

// disown takes c out of the owners of a copy, and with the last of them the copy.
func (t *Tracker) disown(ctx context.Context, c *v1beta1.Canary, copied *metav1.PartialObjectMetadata) error {
	owners := slices.DeleteFunc(slices.Clone(copied.OwnerReferences), func(o metav1.OwnerReference) bool { return o.UID == c.UID })
	if len(owners) > 0 {
		before := copied.DeepCopy()
		copied.OwnerReferences = owners
		patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
		return t.options.Client.Patch(ctx, copied, patch, client.FieldOwner(kube.FieldManager), unobserved)
	}
	uid, version := copied.UID, copied.ResourceVersion
	return t.options.Client.Delete(ctx, copied, client.Preconditions{UID: &uid, ResourceVersion: &version}, unobserved)
}
