package traefik

import (
	"strings"
	"testing"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router/routertest"
)

// side is an entry for a Service as Flagger wrote it; a nil weight is left out.
func side(service string, weight any) entry {
	e := entry{"name": service, "namespace": "test", "port": int64(80)}
	if weight != nil {
		e["weight"] = weight
	}
	return e
}

func TestReadWhatSomebodyEdited(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		spec   map[string]any
		want   rollout.Traffic
		found  bool
	}{
		"OtherSums": {
			reason: "Weights are shares of their sum, whatever that is.",
			spec:   weighted(side("podinfo-primary", int64(3)), side("podinfo-canary", int64(1))),
			want:   rollout.Split(25), found: true,
		},
		"BothAll": {
			reason: "What Flagger wrote on drift is half and half.",
			spec:   weighted(side("podinfo-primary", int64(100)), side("podinfo-canary", int64(100))),
			want:   rollout.Split(50), found: true,
		},
		"MissingWeight": {
			reason: "Traefik's default is 1, so what Flagger wrote for all on the canary is not all.",
			spec:   weighted(side("podinfo-primary", nil), side("podinfo-canary", int64(100))),
			want:   rollout.Split(99), found: true,
		},
		"LittleIsNotNothing": {
			reason: "A canary with any weight has users, and its pods must stay.",
			spec:   weighted(side("podinfo-primary", int64(9999)), side("podinfo-canary", int64(1))),
			want:   rollout.Split(1), found: true,
		},
		"NearlyAllIsNotAll": {
			reason: "The same for the primary.",
			spec:   weighted(side("podinfo-primary", int64(1)), side("podinfo-canary", int64(9999))),
			want:   rollout.Split(99), found: true,
		},
		"NoCanary": {
			reason: "A side without an entry gets nothing.",
			spec:   weighted(side("podinfo-primary", int64(7))),
			want:   rollout.ToPrimary(), found: true,
		},
		"NoPrimary": {
			reason: "The same for the primary.",
			spec:   weighted(side("podinfo-canary", nil)),
			want:   rollout.ToCanary(), found: true,
		},
		"ExplicitZero": {
			reason: "An entry of weight 0 gets nothing either.",
			spec:   weighted(side("podinfo-primary", int64(0)), side("podinfo-canary", int64(100))),
			want:   rollout.ToCanary(), found: true,
		},
		"TwoZeros": {
			reason: "Nobody is served, which is neither all to the primary nor all to the canary.",
			spec:   weighted(side("podinfo-primary", int64(0)), side("podinfo-canary", int64(0))),
			found:  true,
		},
		"AThirdEntry": {
			reason: "The sides are known by their names, not by being two.",
			spec:   weighted(side("other", int64(9)), side("podinfo-canary", int64(20)), side("podinfo-primary", int64(80))),
			want:   rollout.Split(20), found: true,
		},
		"AnotherNamespace": {
			reason: "A Service of the name somewhere else is not our side.",
			spec:   weighted(entry{"name": "podinfo-primary", "namespace": "other", "port": int64(80)}),
		},
		"AnotherKind": {
			reason: "Nor is a TraefikService of the name.",
			spec:   weighted(entry{"name": "podinfo-primary", "kind": "TraefikService"}),
		},
		"SpelledOut": {
			reason: "The defaults may be written down.",
			spec:   weighted(entry{"name": "podinfo-primary", "kind": "Service", "port": int64(80)}),
			want:   rollout.ToPrimary(), found: true,
		},
		"NoneOfOurs": {
			reason: "A user's TraefikService of the name has not been taken over yet.",
			spec:   weighted(side("podinfo", int64(1))),
		},
		"AnotherKindOfTraefikService": {
			reason: "Without a list there is nothing to read, and nothing to fall over.",
			spec:   map[string]any{"mirroring": map[string]any{"name": "podinfo"}},
		},
		"Empty": {
			reason: "An empty list is nobody's.",
			spec:   weighted(),
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, found, err := read(routertest.Canary(), traefikService(test.spec))
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
	for name, services := range map[string]any{"NoList": "podinfo", "NoObjects": []any{"podinfo"}} {
		t.Run(name, func(t *testing.T) {
			service := traefikService(map[string]any{"weighted": map[string]any{"services": services}})
			_, _, err := read(routertest.Canary(), service)
			if err == nil || !strings.HasPrefix(err.Error(), "read the services of TraefikService podinfo.test: ") {
				t.Errorf("got error %v, want one that names the object", err)
			}
			if _, err := render(current, routertest.Canary(), service, rollout.ToPrimary()); err == nil {
				t.Error("what cannot be read was rendered over")
			}
			if _, err := handBack(routertest.Canary(), service); err == nil {
				t.Error("what cannot be read was handed back")
			}
		})
	}
}
