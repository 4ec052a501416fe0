package contour

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router/routertest"
)

func TestReadWhatSomebodyEdited(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		proxy  *unstructured.Unstructured
		want   rollout.Traffic
		found  bool
	}{
		"OtherSums": {
			reason: "Weights are shares of their sum, whatever that is.",
			proxy:  httpProxy(to(side("podinfo-primary", int64(3)), side("podinfo-canary", int64(1)))),
			want:   rollout.Split(25), found: true,
		},
		"MissingWeight": {
			reason: "Contour's default is 0.",
			proxy:  httpProxy(to(side("podinfo-primary", nil), side("podinfo-canary", int64(1)))),
			want:   rollout.ToCanary(), found: true,
		},
		"NoWeights": {
			reason: "Without any weight Contour divides equally.",
			proxy:  httpProxy(to(side("podinfo-primary", nil), side("podinfo-canary", int64(0)))),
			want:   rollout.Split(50), found: true,
		},
		"NoWeightAlone": {
			reason: "The only entry has all.",
			proxy:  httpProxy(to(side("podinfo-canary", nil))),
			want:   rollout.ToCanary(), found: true,
		},
		"AllForAThird": {
			reason: "Our sides have nothing beside one that has all, which is neither all to the primary nor to the canary.",
			proxy:  httpProxy(to(side("podinfo-primary", nil), side("other", int64(5)), side("podinfo-canary", nil))),
			found:  true,
		},
		"LittleIsNotNothing": {
			reason: "A canary with any weight has users, and its pods must stay.",
			proxy:  httpProxy(to(side("podinfo-primary", int64(9999)), side("podinfo-canary", int64(1)))),
			want:   rollout.Split(1), found: true,
		},
		"ACopy": {
			reason: "Who gets copies of requests has no users.",
			proxy: httpProxy(to(side("podinfo-primary", int64(9)), entry{
				"name": "podinfo-canary", "port": int64(80), "weight": int64(1), "mirror": true,
			})),
			want: rollout.ToPrimary(), found: true,
		},
		"ASecondRoute": {
			reason: "The canary has users if any route leads there.",
			proxy: httpProxy(
				to(side("podinfo-primary", int64(100)), side("podinfo-canary", int64(0))),
				to(side("podinfo-primary", int64(80)), side("podinfo-canary", int64(20))),
				to(side("podinfo-primary", int64(90)), side("podinfo-canary", int64(10))),
			),
			want: rollout.Split(20), found: true,
		},
		"AnotherRoute": {
			reason: "Routes to others are not ours to read.",
			proxy:  httpProxy(to(side("other", nil)), to(side("podinfo-primary", int64(60)), side("podinfo-canary", int64(40)))),
			want:   rollout.Split(40), found: true,
		},
		"NoneOfOurs": {
			reason: "A user's HTTPProxy of the name has not been taken over yet.",
			proxy:  httpProxy(to(side("podinfo", nil))),
		},
		"Empty": {
			reason: "Without routes there is nothing to read, and nothing to fall over.",
			proxy:  httpProxy(),
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, found := read(routertest.Canary(), test.proxy)
			if got != test.want || found != test.found {
				t.Errorf("%s\ngot  %+v %t\nwant %+v %t", test.reason, got, found, test.want, test.found)
			}
		})
	}
}
