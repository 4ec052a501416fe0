package ingress

import (
	"errors"
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/router"
)

const kind = "Ingress"

// Kind is what both the user's Ingress and its copy are.
var Kind = networkingv1.SchemeGroupVersion.WithKind(kind)

// errNoIngress is in the words that users know.
var errNoIngress = errors.New("spec.ingressRef: ingress selector is empty")

// Validate says what is wrong with the reference to the user's Ingress, as router.ErrInvalidSpec.
func Validate(c *v1beta1.Canary) error {
	ref := c.Spec.IngressRef
	switch {
	case ref == nil || ref.Name == "":
		return router.InvalidSpec(errNoIngress)
	case ref.Kind != kind:
		return router.InvalidSpec(fmt.Errorf("spec.ingressRef.kind: %q is not %s", ref.Kind, kind))
	}
	return nil
}

// CopyName is the name of the copy; the reference must have been validated.
func CopyName(c *v1beta1.Canary) string { return c.Spec.IngressRef.Name + "-canary" }

// Copy returns the copy of source, the user's Ingress, as it is before a provider divides traffic by it. It shares
// nothing with source. Whose the copy is, is not its matter.
func Copy(c *v1beta1.Canary, source *unstructured.Unstructured) *unstructured.Unstructured {
	copied := &unstructured.Unstructured{Object: map[string]any{"spec": source.DeepCopy().Object["spec"]}}
	copied.SetGroupVersionKind(Kind)
	copied.SetNamespace(c.Namespace)
	copied.SetName(CopyName(c))
	if labels := kube.WithoutTracking(source.GetLabels()); len(labels) > 0 {
		copied.SetLabels(labels)
	}
	copied.SetAnnotations(kube.Guarded(kube.WithoutTracking(source.GetAnnotations())))
	return copied
}
