package kube

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
)

// FieldManager is the name under which the operator writes, in every request.
const FieldManager = "flagger"

// OwnerReference makes c the controller of an object, so that the garbage collector removes the object with c.
func OwnerReference(c *v1beta1.Canary) metav1.OwnerReference {
	yes := true
	return metav1.OwnerReference{
		APIVersion:         v1beta1.GroupVersion.String(),
		Kind:               v1beta1.CanaryKind,
		Name:               c.Name,
		UID:                c.UID,
		Controller:         &yes,
		BlockOwnerDeletion: &yes,
	}
}

// IsOwned says whether c is the controller of obj. It goes by the UID: a canary that was deleted and made again under
// the same name owns nothing of its predecessor.
func IsOwned(c *v1beta1.Canary, obj metav1.Object) bool {
	return metav1.IsControlledBy(obj, c)
}
