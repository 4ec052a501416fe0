package configs

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
)

// suffix makes the name of a copy from the name of its source.
const suffix = "-primary"

// unobserved keeps a client that waits for its own writes to reach its cache from filling one with the data.
const unobserved = client.DisableReadYourWritesConsistency

// replica is a copy as it is and as it is to be.
type replica struct {
	place
	// live is nil where there is none yet.
	live client.Object
	// want has no resourceVersion where live cannot become what it is to be.
	want client.Object
}

// isCanarys tells whether any canary made the object.
func isCanarys(object client.Object) bool {
	return slices.ContainsFunc(object.GetOwnerReferences(), func(owner metav1.OwnerReference) bool {
		version, err := schema.ParseGroupVersion(owner.APIVersion)
		return err == nil && version.Group == v1beta1.GroupVersion.Group && owner.Kind == v1beta1.CanaryKind
	})
}

// render returns what the copy at that place is to be, starting from live, nil for none. Of live it keeps what others
// may have added: annotations, owners, and the labels that no source would bring.
func render(at place, source, live client.Object, owner metav1.OwnerReference, prefixes []string) client.Object {
	content, inherited := contentOf(source), kube.Inherited(source.GetLabels(), prefixes)
	want := at.kind.newObject()
	want.SetNamespace(at.Namespace)
	want.SetName(at.Name)
	if live == nil {
		want.SetLabels(inherited)
		want.SetOwnerReferences([]metav1.OwnerReference{owner})
		noteSource(want, source)
		content.putInto(want)
		return want
	}
	holds := contentOf(live).equal(content)
	if holds || canBecome(live, content) {
		want = live.DeepCopyObject().(client.Object)
	}
	want.SetLabels(relabelled(live.GetLabels(), inherited, prefixes))
	noteSource(want, source)
	if !holds || !isOwnedBy(live, owner) {
		want.SetOwnerReferences(withOwner(live.GetOwnerReferences(), owner))
	}
	content.putInto(want)
	return want
}

// canBecome tells whether the API server lets the object take that content.
func canBecome(object client.Object, c content) bool {
	return !isImmutable(object) && contentOf(object).class == c.class
}

// relabelled returns labels without those that a source may bring, and with those that it does.
func relabelled(labels, inherited map[string]string, prefixes []string) map[string]string {
	result := maps.Clone(labels)
	if result == nil {
		return inherited
	}
	for key := range kube.Inherited(labels, prefixes) {
		delete(result, key)
	}
	maps.Copy(result, inherited)
	return result
}

func isOwnedBy(object client.Object, owner metav1.OwnerReference) bool {
	return slices.ContainsFunc(object.GetOwnerReferences(), func(o metav1.OwnerReference) bool { return o.UID == owner.UID })
}

// withOwner makes owner the controller beside the others, for an object can have no second one.
func withOwner(owners []metav1.OwnerReference, owner metav1.OwnerReference) []metav1.OwnerReference {
	merged := []metav1.OwnerReference{owner}
	for _, other := range owners {
		if other.UID != owner.UID {
			other.Controller = new(false)
			merged = append(merged, other)
		}
	}
	return merged
}

// holdsContent tells whether pods that read the copy now get what it is to hold.
func (r replica) holdsContent() bool {
	return r.live != nil && contentOf(r.live).equal(contentOf(r.want))
}

// write makes the copy what it is to be. A Secret of another type and an immutable object are made anew.
func (r replica) write(ctx context.Context, c client.Client) error {
	switch {
	case r.live == nil:
		return r.create(ctx, c)
	case r.want.GetResourceVersion() == "":
		uid, version := r.live.GetUID(), r.live.GetResourceVersion()
		seen := client.Preconditions{UID: &uid, ResourceVersion: &version}
		if err := c.Delete(ctx, r.live, seen, unobserved); err != nil {
			return fmt.Errorf("deleting %s failed: %w", r.place, err)
		}
		return r.create(ctx, c)
	case equality.Semantic.DeepEqual(r.live, r.want):
		return nil
	}
	if err := c.Update(ctx, r.want, client.FieldOwner(kube.FieldManager), unobserved); err != nil {
		return fmt.Errorf("updating %s failed: %w", r.place, err)
	}
	return nil
}

func (r replica) create(ctx context.Context, c client.Client) error {
	if err := c.Create(ctx, r.want, client.FieldOwner(kube.FieldManager), unobserved); err != nil {
		return fmt.Errorf("creating %s failed: %w", r.place, err)
	}
	return nil
}
