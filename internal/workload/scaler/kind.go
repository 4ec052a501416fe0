package scaler

import (
	"cmp"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/api/v1beta1"
)

// kind is what tells one kind of autoscaler from another.
type kind struct {
	gvk schema.GroupVersionKind
	// least and most are the fields of the spec that bound the number of replicas.
	least, most string
	// scales is the kind of workload that is scaled where spec.scaleTargetRef does not say.
	scales string
	// adapt edits the copy of the target's autoscaler, which has its own name already, for the primary.
	adapt func(c *v1beta1.Canary, primary *unstructured.Unstructured) error
	// annotate returns the primary's annotations, given the target's and those that the primary has.
	annotate func(target, live map[string]string) map[string]string
	texts    texts
}

// texts are the contract's, which users see in events. Each takes a name, a namespace and an error.
type texts struct{ readTarget, readPrimary, create, update string }

// kinds are those that spec.autoscalerRef.kind may name; any other counts as none.
var kinds = map[string]kind{hpa.gvk.Kind: hpa, scaledObject.gvk.Kind: scaledObject}

func kindOf(c *v1beta1.Canary) (kind, bool) {
	if c.Spec.AutoscalerRef == nil {
		return kind{}, false
	}
	k, found := kinds[c.Spec.AutoscalerRef.Kind]
	return k, found
}

// scaled is the kind and name of the workload that an autoscaler scales.
func (k kind) scaled(autoscaler *unstructured.Unstructured) string {
	ref, _, _ := unstructured.NestedStringMap(autoscaler.Object, "spec", "scaleTargetRef")
	return cmp.Or(ref["kind"], k.scales) + " " + ref["name"]
}

// targetOf is the kind and name of the canary's target, in the words of scaled.
func targetOf(c *v1beta1.Canary) string { return c.Spec.TargetRef.Kind + " " + c.Spec.TargetRef.Name }

// floor is the least number of pods that an autoscaler allows, but 1 at least.
func (k kind) floor(autoscaler *unstructured.Unstructured) int32 {
	least, _, _ := unstructured.NestedInt64(autoscaler.Object, "spec", k.least)
	return int32(max(least, 1))
}
