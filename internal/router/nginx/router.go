package nginx

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/ingress"
)

// texts are the contract's, which users see in events, and one of our own of the same kind.
var texts = router.CopyTexts{
	GetSource: "ingress %s.%s get query error: %w",
	Get:       "ingress %s.%s get query error: %w",
	Texts:     router.Texts{Create: "ingress %s.%s create error: %w", Update: "ingress %s.%s update error: %w"},
	Foreign:   "ingress %s.%s, the copy of spec.ingressRef, exists and was not made for this canary: %w",
}

// New makes a router that divides traffic by the annotations of a canary Ingress, for an ingress-nginx whose annotations
// have prefix. It does not tell whether it has taken them.
func New(prefix string, deps router.Deps) *router.Copier {
	return router.NewCopier(copying(prefix), deps)
}

func copying(prefix string) router.Copying {
	d := dialect(prefix)
	return router.Copying{
		Kind:       ingress.Kind,
		Field:      ingress.Field,
		Texts:      texts,
		Validate:   validate,
		Source:     ingress.SourceName,
		Copy:       ingress.CopyName,
		Render:     d.render,
		Read:       d.read,
		Acceptance: router.NeverTold,
		Empty:      d.empty,
		Clear:      d.clear,
		IsFlaggers: d.isFlaggers,
	}
}

// empty sends nobody to the canary, and leaves live, its Ingress, as it is otherwise.
func (d dialect) empty(_ *v1beta1.Canary, live *unstructured.Unstructured) *unstructured.Unstructured {
	return d.rerouted(live, d.routing(nil, rollout.ToPrimary()))
}

// clear takes annotations that divide traffic off live if rendered does not want them any more. An apply could take away
// only what an apply of ours has put there.
func (d dialect) clear(live, rendered *unstructured.Unstructured) *unstructured.Unstructured {
	if !d.hasStale(live.GetAnnotations(), rendered.GetAnnotations()) {
		return nil
	}
	return d.rerouted(live, rendered.GetAnnotations())
}

// rerouted is live with annotations, and with no others that divide traffic.
func (d dialect) rerouted(live *unstructured.Unstructured, annotations map[string]string) *unstructured.Unstructured {
	rerouted := live.DeepCopy()
	rerouted.SetAnnotations(d.reroute(live.GetAnnotations(), annotations))
	return rerouted
}
