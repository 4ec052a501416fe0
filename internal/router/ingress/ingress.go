package ingress

import (
	"errors"
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

const kind = "Ingress"

// Field is where the spec refers to the user's Ingress.
const Field = "spec.ingressRef"

// Kind is what both the user's Ingress and its copy are.
var Kind = networkingv1.SchemeGroupVersion.WithKind(kind)

// errNoIngress is in the words that users know.
var errNoIngress = errors.New(Field + ": ingress selector is empty")

// Validate says what is wrong with the reference to the user's Ingress, as router.ErrInvalidSpec.
func Validate(c *v1beta1.Canary) error {
	switch {
	case SourceName(c) == "":
		return router.InvalidSpec(errNoIngress)
	case c.Spec.IngressRef.Kind != kind:
		return router.InvalidSpec(fmt.Errorf(Field+".kind: %q is not %s", c.Spec.IngressRef.Kind, kind))
	}
	return nil
}

// SourceName is the name of the user's Ingress, "" where the spec refers to none.
func SourceName(c *v1beta1.Canary) string {
	if ref := c.Spec.IngressRef; ref != nil {
		return ref.Name
	}
	return ""
}

// CopyName is the name of the copy of the Ingress that the spec refers to.
func CopyName(c *v1beta1.Canary) string { return c.Spec.IngressRef.Name + "-canary" }
