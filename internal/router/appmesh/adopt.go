package appmesh

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// original is what of a user's object is overwritten.
type original struct {
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	// Spec has those parts of the spec that there were, by their path.
	Spec map[string]any `json:"spec,omitempty"`
}

// takeOver completes rendered for a live object that c did not make: it keeps the original with the object. What
// another controller made, or what does more than lead to the target's own pods, is router.ErrForeign.
func (p piece) takeOver(c *v1beta1.Canary, live, rendered *unstructured.Unstructured) error {
	return router.TakeOver(live, rendered, func() (*original, error) {
		destinations, err := p.leads(c, live)
		if err != nil {
			return nil, err
		}
		flaggers := false
		for _, to := range destinations {
			isOurs := slices.Contains(p.ours, to)
			flaggers = flaggers || isOurs
			if !isOurs && !slices.Contains(p.theirs, to) {
				return nil, router.Foreign(live, "was not made for this canary and leads to %q", to)
			}
		}
		switch {
		case flaggers:
			return nil, nil
		case len(p.theirs) == 0:
			return nil, router.Foreign(live, "exists and was not made for this canary")
		}
		return p.save(live, rendered), nil
	})
}

// save is what rendered overwrites in live.
func (p piece) save(live, rendered *unstructured.Unstructured) *original {
	metadata := router.Overwritten(live, rendered)
	before := &original{Labels: metadata.Labels, Annotations: metadata.Annotations, Spec: map[string]any{}}
	for _, path := range p.whole {
		if present := value(live, path); present != nil {
			before.Spec[path] = present
		}
	}
	return before
}

// handBack is live as it was before it was taken over. It returns nil for an object that was never taken over, or
// where that is not known: there is nothing of the target's own, then, to which it could lead instead.
func (p piece) handBack(_ *v1beta1.Canary, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	before, err := router.SavedOriginal[original](live)
	if err != nil || before == nil {
		return nil, err
	}
	restored := live.DeepCopy()
	router.PutBack(restored, p.metadata, v1beta1.CustomMetadata{Labels: before.Labels, Annotations: before.Annotations})
	for _, path := range p.whole {
		present, found := before.Spec[path]
		if !found {
			unstructured.RemoveNestedField(restored.Object, fields(path)...)
			continue
		}
		if err := unstructured.SetNestedField(restored.Object, present, fields(path)...); err != nil {
			return nil, fmt.Errorf("restore %s of %s: %w", path, router.Describe(live), err)
		}
	}
	return restored, nil
}
