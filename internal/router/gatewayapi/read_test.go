package gatewayapi

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// edited is what render makes of want, after somebody changed its rules.
func edited(t *testing.T, want rollout.Traffic, change func(rules []any) []any) *unstructured.Unstructured {
	t.Helper()
	route, err := render(V1, canary(), want)
	if err != nil {
		t.Fatal(err)
	}
	spec := route.Object["spec"].(map[string]any)
	spec["rules"] = change(spec["rules"].([]any))
	return route
}

// backends sets those of the first rule, in the API's JSON: a nil weight is left out.
func backends(weights map[string]any) func([]any) []any {
	return func(rules []any) []any {
		var list []any
		for _, name := range []string{"podinfo-primary", "podinfo-canary", "podinfo"} {
			weight, found := weights[name]
			if !found {
				continue
			}
			backend := map[string]any{"name": name, "port": int64(80)}
			if weight != nil {
				backend["weight"] = weight
			}
			list = append(list, backend)
		}
		rules[0].(map[string]any)["backendRefs"] = list
		return rules
	}
}

func TestReadWhatSomebodyEdited(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		change func([]any) []any
		want   rollout.Traffic
		found  bool
	}{
		"OtherSums": {
			reason: "Weights are shares of their sum, whatever that is.",
			change: backends(map[string]any{"podinfo-primary": int64(3), "podinfo-canary": int64(1)}),
			want:   rollout.Split(25), found: true,
		},
		"LittleIsNotNothing": {
			reason: "A canary with any weight has users, and its pods must stay.",
			change: backends(map[string]any{"podinfo-primary": int64(9999), "podinfo-canary": int64(1)}),
			want:   rollout.Split(1), found: true,
		},
		"NearlyAllIsNotAll": {
			reason: "The same for the primary.",
			change: backends(map[string]any{"podinfo-primary": int64(1), "podinfo-canary": int64(9999)}),
			want:   rollout.Split(99), found: true,
		},
		"DefaultWeight": {
			reason: "A backend without a weight has weight 1.",
			change: backends(map[string]any{"podinfo-primary": nil, "podinfo-canary": nil}),
			want:   rollout.Split(50), found: true,
		},
		"TwoZeros": {
			reason: "Nobody is served, which is neither all to the primary nor all to the canary.",
			change: backends(map[string]any{"podinfo-primary": int64(0), "podinfo-canary": int64(0)}),
			found:  true,
		},
		"AThirdBackend": {
			reason: "The rule is known by its two backends, not by having two.",
			change: backends(map[string]any{"podinfo-primary": int64(80), "podinfo-canary": int64(20), "podinfo": int64(5)}),
			want:   rollout.Split(20), found: true,
		},
		"SomebodysRuleAfterOurs": {
			reason: "The rule is known by its backends, not by being the last.",
			change: func(rules []any) []any {
				return append(rules, map[string]any{"backendRefs": []any{
					map[string]any{"name": "a", "weight": int64(1)}, map[string]any{"name": "b", "weight": int64(1)},
				}})
			},
			want: rollout.Split(10), found: true,
		},
		"NoneOfOurs": {
			reason: "A user's route of the name has not been taken over yet.",
			change: backends(map[string]any{"podinfo": int64(1)}),
		},
		"HalfOfOurs": {
			reason: "Without the canary's backend the route says nothing of the canary's weight.",
			change: backends(map[string]any{"podinfo-primary": int64(100)}),
		},
		"NoRules": {
			reason: "An empty route is nobody's.",
			change: func([]any) []any { return nil },
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, found, err := read(canary(), edited(t, rollout.Split(10), test.change))
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want || found != test.found {
				t.Errorf("%s\ngot  %+v %t\nwant %+v %t", test.reason, got, found, test.want, test.found)
			}
		})
	}
}

func TestAMirrorOfTheSpecIsNoMirrorOfARun(t *testing.T) {
	c := canary()
	c.Spec.Service.Mirror = []v1beta1.Mirror{{BackendRef: gatewayv1.BackendObjectReference{Name: "podinfo-canary", Port: new(gatewayv1.PortNumber(80))}}}
	for _, mirrored := range []bool{false, true} {
		want := rollout.ToPrimary()
		want.Mirrored = mirrored
		route, err := render(V1, c, want)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := read(c, route); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
}

func TestMaxAge(t *testing.T) {
	for text, want := range map[string]int32{
		"":             5,
		"soon":         5,
		"d":            5,
		"1.5d":         5,
		"-1h":          5,
		"999ms":        5,
		"1s":           1,
		"1m30s":        90,
		"24h":          86400,
		"1d":           86400,
		"30d":          2592000,
		"100000d":      2147483647,
		"9999999999d":  2147483647,
		"-9999999999d": 5,
	} {
		if got := maxAge(text); got != want {
			t.Errorf("maxAge(%q) = %d, want %d", text, got, want)
		}
	}
}
