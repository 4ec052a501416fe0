package rollout_test

import (
	"fmt"
	"testing"

	"flagger.app/flagger/api/v1beta1"
	rt "flagger.app/flagger/internal/rollout/rollouttest"
)

const (
	walks     = 30
	walkSteps = 150
)

// TestWalks lets chance play with canaries of every kind.
func TestWalks(t *testing.T) {
	gated := []shape{
		metric("errors"), metric("latency"),
		hook(v1beta1.HookConfirmRollout, "confirm"), hook(v1beta1.HookPreRollout, "pre"), hook(v1beta1.HookRollout, "load"),
		hook(v1beta1.HookConfirmPromotion, "promote"), hook(v1beta1.HookRollback, "undo"),
	}
	with := func(shapes ...shape) rt.Story { return story(canary(append(shapes, gated...)...)) }
	kinds := map[string]rt.Story{
		"weighted":   with(steps(20, 50), hook(v1beta1.HookConfirmTrafficIncrease, "increase")),
		"promotion":  with(steps(50, 100), promotion(30), affinity()),
		"mirrored":   with(steps(30, 60), mirror()),
		"bluegreen":  with(iterations(2), mirror()),
		"abtest":     with(iterations(2), match()),
		"kubernetes": plain(with(iterations(2))),
		"plain":      story(canary(steps(40, 80))),
	}
	for name, s := range kinds {
		for seed := range uint64(walks) {
			for weather, title := range []string{rt.Drifting: "drifting", rt.Faulty: "faulty"} {
				t.Run(fmt.Sprintf("%s/%s/%d", name, title, seed+1), func(t *testing.T) {
					t.Parallel()
					s := s
					s.Seed = seed + 1
					if record, err := rt.Walk(s, walkSteps, rt.Weather(weather)); err != nil {
						t.Errorf("%v\n%s", err, record.Log)
					}
				})
			}
		}
	}
}
