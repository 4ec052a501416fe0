package apisix

import (
	"testing"

	"flagger.app/flagger/internal/rollout"
)

// divided is a rule with the weights of primary and canary, nil for none.
func divided(name string, primary, canary any) rule {
	side := func(service string, weight any) any {
		b := backend{"serviceName": service, "servicePort": int64(80)}
		if weight != nil {
			b["weight"] = weight
		}
		return b
	}
	one := lead(name, "/*", "")
	one["backends"] = []any{side("podinfo-primary", primary), side("podinfo-canary", canary)}
	return one
}

func TestReadWhatSomebodyEdited(t *testing.T) {
	all := func(service string) rule { return lead("one", "/*", service) }
	for name, test := range map[string]struct {
		reason string
		rules  []rule
		want   rollout.Traffic
	}{
		"OtherSums": {
			reason: "Weights are shares of their sum, whatever that is.",
			rules:  []rule{divided("a", int64(3), int64(1))}, want: rollout.Split(25),
		},
		"MissingWeight": {
			reason: "APISIX's default is 100.",
			rules:  []rule{divided("a", nil, int64(300))}, want: rollout.Split(75),
		},
		"LittleIsNotNothing": {
			reason: "A canary with any weight has users, and its pods must stay.",
			rules:  []rule{divided("a", int64(9999), int64(1))}, want: rollout.Split(1),
		},
		"NearlyAllIsNotAll": {
			reason: "The same for the primary.",
			rules:  []rule{divided("a", int64(1), int64(9999))}, want: rollout.Split(99),
		},
		"OneRuleOfMany": {
			reason: "A canary that one rule of three leads to has users, however few.",
			rules:  []rule{divided("a", int64(100), int64(0)), divided("b", int64(100), int64(0)), divided("c", int64(99), int64(1))},
			want:   rollout.Split(1),
		},
		"RulesOfOtherSums": {
			reason: "A rule of larger numbers has no larger say.",
			rules:  []rule{divided("a", int64(1000), int64(0)), divided("b", int64(1), int64(1))},
			want:   rollout.Split(25),
		},
		"NoCanary": {
			reason: "A side without a backend gets nothing.",
			rules:  []rule{all("podinfo-primary")}, want: rollout.ToPrimary(),
		},
		"NoPrimary": {
			reason: "The same for the primary.",
			rules:  []rule{all("podinfo-canary")}, want: rollout.ToCanary(),
		},
		"BelowZero": {
			reason: "Less than nothing is nothing.",
			rules:  []rule{divided("a", int64(-50), int64(50))}, want: rollout.ToCanary(),
		},
		"TwoZeros": {
			reason: "Nobody is served, which is neither all to the primary nor all to the canary.",
			rules:  []rule{divided("a", int64(0), int64(0))},
		},
		"NeitherSide": {
			reason: "What leads elsewhere does not lead to the canary.",
			rules:  []rule{all("other")}, want: rollout.ToPrimary(),
		},
		"BesidesNeitherSide": {
			reason: "A rule that leads elsewhere has no say.",
			rules:  []rule{all("other"), divided("a", int64(80), int64(20))}, want: rollout.Split(20),
		},
		"NoRules": {
			reason: "Requests reach the user's own rules, and so the primary.",
			want:   rollout.ToPrimary(),
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := read(canary(), route("shop-podinfo-canary", test.rules...)); got != test.want {
				t.Errorf("%s Got %+v, want %+v", test.reason, got, test.want)
			}
		})
	}
}

// A CRD of another make may let anything through.
func TestReadWhatIsNoRoute(t *testing.T) {
	for name, http := range map[string]any{
		"NoList": "podinfo", "NoObjects": []any{"podinfo"}, "NoBackends": []any{rule{"backends": "podinfo"}},
		"NoBackend": []any{rule{"backends": []any{"podinfo"}}},
	} {
		t.Run(name, func(t *testing.T) {
			object := route("shop")
			object.Object["spec"].(map[string]any)["http"] = http
			if got := read(canary(), object); got != rollout.ToPrimary() {
				t.Errorf("got %+v", got)
			}
			if _, err := render(canary(), object, rollout.ToPrimary()); err == nil {
				t.Error("it was divided")
			}
		})
	}
}
