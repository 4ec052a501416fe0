package routertest

import (
	"path/filepath"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/json"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
)

// recording is a cluster run by Flagger 1.44.
type recording struct {
	// Applied are the user's objects.
	Applied []map[string]any `json:"applied"`
	States  []state          `json:"states"`
}

// state is one look at the cluster.
type state struct {
	Round string `json:"round"`
	// Objects are known by the plural of their kind and their name, such as ingresses/podinfo.
	Objects map[string]map[string]any `json:"objects"`
}

// TakesOverFlagger plays a recording, which is kept beside the checkout, state by state. What Flagger left is the
// provider's at once, with the traffic that it has, and what it is to be: nothing is written before a step of our own,
// which leaves nothing of Flagger's plain updates behind. The recorded run has steps of 25 and 50 percent.
func TakesOverFlagger(t *testing.T, p Provider, file string) {
	_, content := beside(t, filepath.Join("fixtures", "adoption", file))
	var recorded recording
	if err := json.Unmarshal(content, &recorded); err != nil {
		t.Fatal(err)
	}
	p.Canary = func() *v1beta1.Canary { return recorded.canary(t) }
	given := p.Given
	seen := map[rollout.Traffic]bool{}
	for _, state := range recorded.States {
		t.Run(state.Round, func(t *testing.T) {
			p.Given = nil
			b := NewBench(t, p)
			left := b.recorded(state, *p.Row.Watch, p.Object)
			if left == nil {
				return
			}
			for _, object := range given {
				b.Create(b.recorded(state, object.GroupVersionKind(), object.GetName()), "kubectl")
			}
			left.SetOwnerReferences([]metav1.OwnerReference{kube.OwnerReference(b.Canary)})
			b.Create(left, kube.FieldManager)
			seen[b.goesOn()] = true
		})
	}
	for _, step := range []rollout.Weight{0, 25, 50} {
		if !seen[rollout.Split(step)] {
			t.Errorf("the recording has no step of %d percent: %v", step, seen)
		}
	}
}

// goesOn takes the traffic one step on from where Flagger left it, and returns where that was.
func (b *Bench) goesOn() rollout.Traffic {
	b.Helper()
	left := b.Observe().Traffic
	b.Apply(left, 0)
	b.Settle(rollout.Split(left.Canary + 1))
	b.HasNoPlainUpdates(b.Routing())
	return left
}

// canary is the one that the user applied.
func (r recording) canary(t *testing.T) *v1beta1.Canary {
	t.Helper()
	for _, object := range r.Applied {
		if object["kind"] != v1beta1.CanaryKind {
			continue
		}
		content, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		c := &v1beta1.Canary{}
		if err := json.Unmarshal(content, c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	t.Fatal("the recording has no canary")
	return nil
}

// recorded is an object of a state, as it can be created, or nil if there was none.
func (b *Bench) recorded(s state, kind schema.GroupVersionKind, name string) *unstructured.Unstructured {
	b.Helper()
	content, found := s.Objects[b.mapping(kind).Resource.Resource+"/"+name]
	if !found {
		return nil
	}
	object := &unstructured.Unstructured{Object: content}
	object.SetGroupVersionKind(kind)
	object.SetOwnerReferences(nil)
	return object
}
