package gloo

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router/routertest"
)

func TestReadWhatSomebodyEdited(t *testing.T) {
	primary := func(weight any) target { return toUpstream("test-podinfo-primaryupstream-80", "test", weight) }
	canary := func(weight any) target { return toUpstream("test-podinfo-canaryupstream-80", "test", weight) }
	for name, test := range map[string]struct {
		reason string
		table  *unstructured.Unstructured
		want   rollout.Traffic
		found  bool
	}{
		"OtherSums": {
			reason: "Weights are shares of their sum, whatever that is.",
			table:  routeTable(to(primary(int64(3)), canary(int64(1)))),
			want:   rollout.Split(25), found: true,
		},
		"MissingWeight": {
			reason: "Gloo's default is 0.",
			table:  routeTable(to(primary(nil), canary(int64(1)))),
			want:   rollout.ToCanary(), found: true,
		},
		"TwoZeros": {
			reason: "Nobody is served, which is neither all to the primary nor all to the canary.",
			table:  routeTable(to(primary(int64(0)), canary(int64(0)))),
			found:  true,
		},
		"LittleIsNotNothing": {
			reason: "A canary with any weight has users, and its pods must stay.",
			table:  routeTable(to(primary(int64(9999)), canary(int64(1)))),
			want:   rollout.Split(1), found: true,
		},
		"ASingleDestination": {
			reason: "It has all, without a weight.",
			table:  routeTable(route{"routeAction": map[string]any{"single": canary(nil)["destination"]}}),
			want:   rollout.ToCanary(), found: true,
		},
		"AnotherPort": {
			reason: "Traffic is where it was when the port of the spec changes.",
			table: routeTable(to(
				toUpstream("test-podinfo-primaryupstream-8080", "test", int64(60)),
				toUpstream("test-podinfo-canaryupstream-8080", "test", int64(40)),
			)),
			want: rollout.Split(40), found: true,
		},
		"ASecondRoute": {
			reason: "The canary has users if any route leads there.",
			table: routeTable(
				to(primary(int64(100)), canary(int64(0))),
				to(primary(int64(80)), canary(int64(20))),
				to(primary(int64(90)), canary(int64(10))),
			),
			want: rollout.Split(20), found: true,
		},
		"AnotherNamespace": {
			reason: "An Upstream of the name somewhere else is not our side.",
			table:  routeTable(to(toUpstream("test-podinfo-primaryupstream-80", "other", int64(100)))),
		},
		"NoneOfOurs": {
			reason: "A user's RouteTable of the name has not been taken over yet.",
			table:  routeTable(to(toService("podinfo", "test"))),
		},
		"Empty": {
			reason: "Without routes there is nothing to read, and nothing to fall over.",
			table:  routeTable(),
		},
		"NoAction": {
			reason: "Nor is there in a route that leads nowhere.",
			table:  routeTable(route{"directResponseAction": map[string]any{"status": int64(503)}}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, found := read(routertest.Canary(), test.table)
			if got != test.want || found != test.found {
				t.Errorf("%s\ngot  %+v %t\nwant %+v %t", test.reason, got, found, test.want, test.found)
			}
		})
	}
}
