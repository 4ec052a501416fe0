package istio

import (
	"cmp"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// flaggersOriginal is the annotation in which Flagger kept the spec of a VirtualService that it took over.
const flaggersOriginal = "flagger.kubernetes.io/original-configuration"

// textUnreadable is a text of the contract, which users see in events.
const textUnreadable = "VirtualService %s.%s failed to unMarshal annotation %s: %w"

// parts are the fields of a VirtualService's spec that Apply may overwrite.
var parts = []string{"hosts", "gateways", "http", "tcp"}

// original is what of a user's VirtualService is overwritten.
type original struct {
	v1beta1.CustomMetadata
	Spec map[string]any `json:"spec,omitempty"`
}

// originalOf is the original of live, a VirtualService that c did not make, which rendered will overwrite. If live leads
// to one of our sides, Flagger took it over, and the original is what Flagger took for that, or nil.
func originalOf(c *v1beta1.Canary, live, rendered *unstructured.Unstructured) (*original, error) {
	spec, err := specOf(live)
	if err != nil {
		return nil, err
	}
	if isDivided(c, spec) {
		return keptByFlagger(c, live)
	}
	content, _ := live.Object["spec"].(map[string]any)
	return &original{CustomMetadata: router.Overwritten(live, rendered), Spec: partsOf(content)}, nil
}

// partsOf are those fields of a spec that Apply may overwrite.
func partsOf(spec map[string]any) map[string]any {
	kept := map[string]any{}
	for _, part := range parts {
		if value, found := spec[part]; found {
			kept[part] = value
		}
	}
	return kept
}

// isDivided says whether a route of spec, of whichever protocol, leads to one of our sides.
func isDivided(c *v1beta1.Canary, spec routeSpec) bool {
	return leadsToASide(c, spec.HTTP) || leadsToASide(c, asHTTP(spec.TCP))
}

// handBack is live as it was before it was taken over, by us or by Flagger; where that is not known, all traffic goes
// to the apex Service. It returns nil for an object that was never taken over.
func handBack(c *v1beta1.Canary, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	before, err := router.SavedOriginal[original](live)
	if err != nil {
		return nil, err
	}
	if before == nil {
		if before, err = lostOriginal(c, live); err != nil || before == nil {
			return nil, err
		}
	}
	restored := live.DeepCopy()
	unstructured.RemoveNestedField(restored.Object, "metadata", "annotations", flaggersOriginal)
	router.PutBack(restored, router.ApexMetadata(c), before.CustomMetadata)
	for _, part := range parts {
		unstructured.RemoveNestedField(restored.Object, "spec", part)
		if value, found := before.Spec[part]; found {
			if err := unstructured.SetNestedField(restored.Object, value, "spec", part); err != nil {
				return nil, unreadable(live, err)
			}
		}
	}
	return restored, nil
}

// lostOriginal is the original of a VirtualService with which nothing of ours was saved: what Flagger took for it, else
// all traffic to the apex Service. It is nil if live was never taken over.
func lostOriginal(c *v1beta1.Canary, live *unstructured.Unstructured) (*original, error) {
	spec, err := specOf(live)
	if err != nil || !isDivided(c, spec) {
		return nil, err
	}
	kept, err := keptByFlagger(c, live)
	if err != nil || kept != nil {
		return kept, err
	}
	content, err := encode(toApex(c))
	return &original{Spec: content}, err
}

// keptByFlagger is what Flagger took for the original of a VirtualService: what a user applied last, else what Flagger
// wrote down. It is nil if there is neither, or if they are divided already: Flagger wrote down its own work, too. An
// apply of ours drops what Flagger wrote down, so this is asked before.
func keptByFlagger(c *v1beta1.Canary, live *unstructured.Unstructured) (*original, error) {
	annotations := live.GetAnnotations()
	for _, kept := range []struct{ annotation, object string }{
		{corev1.LastAppliedConfigAnnotation, cmp.Or(annotations[corev1.LastAppliedConfigAnnotation], "{}")},
		{flaggersOriginal, `{"spec":` + cmp.Or(annotations[flaggersOriginal], "{}") + `}`},
	} {
		spec, err := undivided(c, kept.object)
		if err != nil {
			return nil, fmt.Errorf(textUnreadable, live.GetName(), live.GetNamespace(), kept.annotation, err)
		}
		if len(spec) > 0 {
			return &original{Spec: partsOf(spec)}, nil
		}
	}
	return nil, nil
}

// undivided is the spec of a VirtualService in JSON, or nil if that leads to one of our sides.
func undivided(c *v1beta1.Canary, object string) (map[string]any, error) {
	var content struct {
		Spec map[string]any `json:"spec"`
	}
	if err := json.Unmarshal([]byte(object), &content); err != nil {
		return nil, err
	}
	spec, err := decode(content.Spec)
	if err != nil || isDivided(c, spec) {
		return nil, err
	}
	return content.Spec, nil
}
