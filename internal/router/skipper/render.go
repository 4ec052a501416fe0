package skipper

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/ingress"
)

// Texts of the contract, which users see in events, and our own of the same kind.
const (
	textNoBackend   = "backend %s not found in ingress %s"
	textExtraRoutes = "ingress %s has the annotation %s, whose routes would lose their requests to the canary's copy"
	textShared      = "ingress %s leads from path %q to %s and to %s, but only one backend can be divided"
)

// render makes the canary Ingress that divides traffic as want says out of source, the user's. Its fields are all that
// we own; whose the object is, is not its matter. It changes nothing of c or source. A source that cannot be divided is
// router.ErrInvalidSpec.
func render(c *v1beta1.Canary, source *unstructured.Unstructured, want rollout.Traffic) (*unstructured.Unstructured, error) {
	if err := check(c, source); err != nil {
		return nil, router.InvalidSpec(fmt.Errorf(ingress.Field+": %w", err))
	}
	copied := router.CopyOf(c, source, ingress.CopyName(c))
	ingress.Redirect(copied, func(paths []any) []any { return split(c, paths) })
	annotations := copied.GetAnnotations()
	divide(c, annotations, want)
	copied.SetAnnotations(annotations)
	return copied, nil
}

// split makes those of a rule's paths that lead to the apex Service lead to the primary's, and adds as many to the
// canary's.
func split(c *v1beta1.Canary, paths []any) []any {
	var added []any
	for _, path := range paths {
		if ingress.ServiceName(path) != router.ApexService(c) {
			continue
		}
		ingress.PointTo(path, router.PrimaryService(c))
		second := runtime.DeepCopyJSONValue(path)
		ingress.PointTo(second, router.CanaryService(c))
		added = append(added, second)
	}
	return append(paths, added...)
}

// check says why source cannot be divided, or not without harm to what else it leads to.
func check(c *v1beta1.Canary, source *unstructured.Unstructured) error {
	if !ingress.LeadsTo(source, router.ApexService(c)) {
		return fmt.Errorf(textNoBackend, router.ApexService(c), source.GetName())
	}
	if _, found := source.GetAnnotations()[extraRoutes]; found {
		return fmt.Errorf(textExtraRoutes, source.GetName(), extraRoutes)
	}
	for _, paths := range ingress.Paths(source) {
		if path, other := shared(c, paths); other != "" {
			return fmt.Errorf(textShared, source.GetName(), path, router.ApexService(c), other)
		}
	}
	return nil
}

// shared returns a path of a rule that leads to the apex Service and to something else, and what that is, or "".
func shared(c *v1beta1.Canary, paths []any) (path, other string) {
	divided := map[string]bool{}
	for _, one := range paths {
		if ingress.ServiceName(one) == router.ApexService(c) {
			divided[pathOf(one)] = true
		}
	}
	for _, one := range paths {
		if name := ingress.ServiceName(one); name != router.ApexService(c) && divided[pathOf(one)] {
			return pathOf(one), cmp.Or(name, "a resource")
		}
	}
	return "", ""
}

// pathOf is what a request's path is compared with.
func pathOf(path any) string {
	fields, _ := path.(map[string]any)
	text, _ := fields["path"].(string)
	return text
}
