package controller

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"flagger.app/flagger/internal/rollout"
)

// TestSinceWhenAWorkloadServes plays looks at a target one second apart. The process began a minute before the first.
func TestSinceWhenAWorkloadServes(t *testing.T) {
	first := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	began := first.Add(-time.Minute)
	at := func(seconds int) time.Time { return first.Add(time.Duration(seconds) * time.Second) }
	type look struct {
		pods int
		// told is since when the object says that they are available, in seconds after the first look; 0 if it does not.
		told int
	}
	tests := map[string]struct {
		reason string
		looks  []look
		want   time.Time
	}{
		"FoundServing":            {"Whoever began a minute ago would have seen them come.", []look{{pods: 2}}, began},
		"FoundServingAsTold":      {"Others may have seen them come a moment ago.", []look{{pods: 2, told: -1}}, at(-1)},
		"Came":                    {"There was nobody when we looked before.", []look{{pods: 0}, {pods: 2}, {pods: 2}}, at(1)},
		"CameOneByOne":            {"The first is enough to be known.", []look{{pods: 0}, {pods: 1}, {pods: 2}}, at(1)},
		"CameBack":                {"They were gone meanwhile.", []look{{pods: 2}, {pods: 0}, {pods: 2}}, at(2)},
		"Gone":                    {"Nobody serves.", []look{{pods: 2}, {pods: 0}}, time.Time{}},
		"GoneWhateverIsTold":      {"A condition may be behind.", []look{{pods: 0, told: -9}}, time.Time{}},
		"CameBackBetweenTwoLooks": {"We waited for a hook, and the object has seen it.", []look{{pods: 2}, {pods: 2, told: 1}}, at(1)},
		"ToldLessThanSeen":        {"The object's condition never turned.", []look{{pods: 0, told: -9}, {pods: 2, told: -9}}, at(1)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPast(began)
			var target, primary rollout.Workload
			for i, look := range test.looks {
				w := rollout.Workload{Available: look.pods}
				if look.told != 0 {
					w.Serving = at(look.told)
				}
				target, primary = p.serving(key("podinfo"), at(i), w, rollout.Workload{})
			}
			expect(t, test.reason, test.want, target.Serving)
			expect(t, "The other side is a side of its own.", time.Time{}, primary.Serving)
		})
	}
}

func TestThePastEndsWithItsCanary(t *testing.T) {
	began := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	p := newPast(began)
	expect(t, "Before this process nobody knows what happened.", began, p.lastMoved(key("podinfo")))
	p.moves(key("podinfo"), began.Add(time.Second))
	expect(t, "Users have just left a side.", began.Add(time.Second), p.lastMoved(key("podinfo")))
	expect(t, "Other canaries have nothing to do with that.", began, p.lastMoved(key("other")))
	p.forget(key("podinfo"))
	expect(t, "A canary of the same name is another one.", 1, len(p.records))
}

func key(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "test", Name: name}
}
