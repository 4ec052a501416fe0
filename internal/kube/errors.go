package kube

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// NameCRD says of an error about a kind that the API server does not know which CRD is missing. Every other error,
// nil too, it returns as it is.
func NameCRD(err error, gvk schema.GroupVersionKind) error {
	if !meta.IsNoMatchError(err) {
		return err
	}
	return fmt.Errorf("the CRD of %s in %s is not installed: %w", gvk.Kind, gvk.GroupVersion(), err)
}

// IgnoreMissingCRD returns nil for an error about a kind that the API server does not know, of which there can be no
// objects. Every other error it returns as it is.
func IgnoreMissingCRD(err error) error {
	if meta.IsNoMatchError(err) {
		return nil
	}
	return err
}
