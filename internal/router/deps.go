package router

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
)

// CreatorAnnotation holds the UID of the canary that made an object, in a cluster where an owner reference to the
// canary would mean nothing.
const CreatorAnnotation = "flagger.app/created-by"

// Deps are what every router is made of.
type Deps struct {
	// Client reads from caches, unstructured objects too, and writes to the cluster that holds the routing objects.
	Client client.Client
	// Owned says that this is the canary's own cluster, so that routing objects may refer to it as their owner.
	Owned bool
}

// Claim marks obj, which is about to be created or already claimed, as made for c.
func (d Deps) Claim(c *v1beta1.Canary, obj metav1.Object) {
	if d.Owned {
		obj.SetOwnerReferences([]metav1.OwnerReference{kube.OwnerReference(c)})
		return
	}
	annotate(obj, CreatorAnnotation, string(c.UID))
}

// Claimed says whether obj was made for c, and so may be changed and deleted at will.
func (d Deps) Claimed(c *v1beta1.Canary, obj metav1.Object) bool {
	if d.Owned {
		return kube.IsOwned(c, obj)
	}
	return obj.GetAnnotations()[CreatorAnnotation] == string(c.UID)
}

// IsUnclaimed says whether nobody claims obj, be it by an owner reference or as Claim does. What Flagger made where it
// could not set an owner is so.
func IsUnclaimed(obj metav1.Object) bool {
	return metav1.GetControllerOf(obj) == nil && obj.GetAnnotations()[CreatorAnnotation] == ""
}

// annotate gives obj an annotation.
func annotate(obj metav1.Object, key, value string) {
	annotations := obj.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	obj.SetAnnotations(annotations)
}
