package smi

import (
	"errors"
	"strings"
	"testing"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

// sides are the two backends of the canary's TrafficSplit.
func sides(canary, primary any) []backend {
	return []backend{{"service": "podinfo-canary", "weight": canary}, {"service": "podinfo-primary", "weight": primary}}
}

func TestReadWhatSomebodyEdited(t *testing.T) {
	for name, test := range map[string]struct {
		reason   string
		backends []backend
		want     rollout.Traffic
		found    bool
	}{
		"OtherSums": {
			reason:   "Weights are shares of their sum, whatever that is.",
			backends: sides(int64(1), int64(3)), want: rollout.Split(25), found: true,
		},
		"Quantities": {
			reason:   "The first version of the API counts in quantities.",
			backends: sides("250m", "0.75"), want: rollout.Split(25), found: true,
		},
		"QuantitiesAndNumbers": {
			reason:   "Two hands may have written them in two versions.",
			backends: sides("25", int64(75)), want: rollout.Split(25), found: true,
		},
		"Fractions": {
			reason:   "The later versions do not insist on whole numbers.",
			backends: sides(0.5, 1.5), want: rollout.Split(25), found: true,
		},
		"Rounded": {
			reason:   "The nearest percent.",
			backends: sides(int64(2), int64(1)), want: rollout.Split(67), found: true,
		},
		"LittleIsNotNothing": {
			reason:   "A canary with any weight has users, and its pods must stay.",
			backends: sides("1m", "9999"), want: rollout.Split(1), found: true,
		},
		"NearlyAllIsNotAll": {
			reason:   "The same for the primary.",
			backends: sides(int64(9999), int64(1)), want: rollout.Split(99), found: true,
		},
		"NoCanary": {
			reason:   "A side without a backend gets nothing.",
			backends: sides(nil, int64(7))[1:], want: rollout.ToPrimary(), found: true,
		},
		"NoPrimary": {
			reason:   "The same for the primary.",
			backends: sides("7", nil)[:1], want: rollout.ToCanary(), found: true,
		},
		"TwoZeros": {
			reason:   "Nobody is served, which is neither all to the primary nor all to the canary.",
			backends: sides("0", int64(0)), found: true,
		},
		"LessThanNothing": {
			reason:   "A weight below zero takes nothing away from the other side.",
			backends: sides(int64(-5), int64(10)), want: rollout.ToPrimary(), found: true,
		},
		"NoNumber": {
			reason:   "An error would keep it from being repaired.",
			backends: sides("many", "100"), want: rollout.ToPrimary(), found: true,
		},
		"NoWeight": {
			reason:   "A backend without a weight gets nothing.",
			backends: []backend{{"service": "podinfo-canary"}, {"service": "podinfo-primary", "weight": int64(1)}},
			want:     rollout.ToPrimary(), found: true,
		},
		"ASideTwice": {
			reason:   "Both entries count.",
			backends: append(sides(int64(20), int64(60)), sides(int64(20), nil)[0]), want: rollout.Split(40), found: true,
		},
		"AThirdBackend": {
			reason:   "The sides are known by their names, not by being two.",
			backends: append(sides(int64(20), int64(80)), backend{"service": "other", "weight": int64(9)}),
			want:     rollout.Split(20), found: true,
		},
		"NoneOfOurs": {
			reason:   "A user's TrafficSplit of the name has not been taken over yet.",
			backends: []backend{{"service": "podinfo", "weight": int64(100)}},
		},
		"Empty": {reason: "An empty list is nobody's."},
	} {
		t.Run(name, func(t *testing.T) {
			got, found, err := read(routertest.Canary(), trafficSplit(V1alpha1, "podinfo", test.backends...))
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want || found != test.found {
				t.Errorf("%s\ngot  %+v %t\nwant %+v %t", test.reason, got, found, test.want, test.found)
			}
		})
	}
}

// A CRD of another make may let anything through.
func TestUnreadable(t *testing.T) {
	for name, backends := range map[string]any{"NoList": "podinfo", "NoObjects": []any{"podinfo"}} {
		t.Run(name, func(t *testing.T) {
			split := trafficSplit(V1alpha2, "podinfo")
			split.Object["spec"].(map[string]any)["backends"] = backends
			_, _, err := read(routertest.Canary(), split)
			if err == nil || !strings.HasPrefix(err.Error(), "read the backends of TrafficSplit podinfo.test: ") {
				t.Errorf("got error %v, want one that names the object", err)
			}
			if _, err := desired(V1alpha2, router.Deps{Owned: true}, routertest.Canary(), split, rollout.ToPrimary()); err == nil {
				t.Error("what cannot be read was rendered over")
			}
			if _, err := V1alpha2.handBack(routertest.Canary(), split); err == nil {
				t.Error("what cannot be read was handed back")
			}
		})
	}
}

func TestATrafficSplitWithoutOurSidesIsNotFound(t *testing.T) {
	b := routertest.NewBench(t, provider(t, OSM))
	b.Create(trafficSplit(OSM, "podinfo", backend{"service": "podinfo", "weight": int64(1)}), "kubectl")
	_, err := b.Router.Observe(t.Context(), b.Canary)
	const want = " does not contain routes for podinfo-primary and podinfo-canary: "
	if !errors.Is(err, router.ErrNotFound) || !strings.HasPrefix(err.Error(), "TrafficSplit podinfo."+b.Canary.Namespace+want) {
		t.Errorf("got error %v", err)
	}
}
