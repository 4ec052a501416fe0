package skipper

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/ingress"
)

// texts are the contract's, which users see in events, and one of our own of the same kind.
var texts = router.CopyTexts{
	GetSource: "apexIngress %s.%s get query error: %w",
	Get:       "ingress %s.%s query error: %w",
	Texts:     router.Texts{Create: "ingress %s.%s create error: %w", Update: "ingress %s.%s update error: %w"},
	Foreign:   "Ingress %s.%s has the name of the copy of spec.ingressRef, but was not made for this canary: %w",
}

// New makes a router that divides traffic by the annotations of a canary Ingress. Skipper does not tell whether it has
// taken them.
func New(deps router.Deps) *router.Copier { return router.NewCopier(copying(), deps) }

func copying() router.Copying {
	return router.Copying{
		Kind:       ingress.Kind,
		Field:      ingress.Field,
		Texts:      texts,
		Validate:   ingress.Validate,
		Source:     ingress.SourceName,
		Copy:       ingress.CopyName,
		Render:     render,
		Read:       read,
		Acceptance: router.NeverTold,
		Empty:      rest,
		IsFlaggers: isFlaggers,
	}
}

// rest leaves all requests to the user's Ingress, whatever there is of it, and live, the canary's, as it is otherwise.
func rest(_ *v1beta1.Canary, live *unstructured.Unstructured) *unstructured.Unstructured {
	resting := live.DeepCopy()
	annotations := kube.Guarded(live.GetAnnotations())
	annotations[predicate] = disabled
	resting.SetAnnotations(annotations)
	return resting
}
