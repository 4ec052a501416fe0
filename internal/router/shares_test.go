package router_test

import (
	"math"
	"testing"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

func TestShares(t *testing.T) {
	for name, test := range map[string]struct {
		reason          string
		primary, canary int64
		want            rollout.Traffic
	}{
		"Percent":            {reason: "What we write comes back.", primary: 90, canary: 10, want: rollout.Split(10)},
		"OtherSums":          {reason: "Weights are shares of their sum, whatever that is.", primary: 3, canary: 1, want: rollout.Split(25)},
		"Rounded":            {reason: "The nearest percent.", primary: 1, canary: 2, want: rollout.Split(67)},
		"HalfwayUp":          {reason: "12.5 percent is rather 13 than 12.", primary: 7, canary: 1, want: rollout.Split(13)},
		"LittleIsNotNothing": {reason: "A canary with any weight has users, and its pods must stay.", primary: 9999, canary: 1, want: rollout.Split(1)},
		"NearlyAllIsNotAll":  {reason: "The same for the primary.", primary: 1, canary: 9999, want: rollout.Split(99)},
		"NoCanary":           {reason: "A primary alone gets all, whatever its weight.", primary: 7, want: rollout.ToPrimary()},
		"NoPrimary":          {reason: "The same for the canary.", canary: 7, want: rollout.ToCanary()},
		"TwoZeros":           {reason: "Nobody is served, which is neither all to the primary nor all to the canary."},
		"LessThanNothing":    {reason: "It takes nothing away from the other side.", primary: 10, canary: -5, want: rollout.ToPrimary()},
		"BothLess":           {reason: "Two times nothing is nothing.", primary: -1, canary: -1},
		"Enormous":           {reason: "A sum that no integer holds is one all the same.", primary: math.MaxInt64, canary: math.MaxInt64, want: rollout.Split(50)},
	} {
		t.Run(name, func(t *testing.T) {
			if got := router.Shares(test.primary, test.canary); got != test.want {
				t.Errorf("%s Got %+v, want %+v", test.reason, got, test.want)
			}
		})
	}
	if got := router.Shares(1.5, 0.5); got != rollout.Split(25) {
		t.Errorf("fractions are weights too: got %+v", got)
	}
}
