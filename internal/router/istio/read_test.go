package istio

import (
	"regexp"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router/routertest"
)

// object is a VirtualService of the canary's name with a spec.
func object(spec map[string]any) *unstructured.Unstructured {
	route := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	route.SetGroupVersionKind(routeKind)
	route.SetNamespace("test")
	route.SetName("podinfo")
	return route
}

// to is a destination in the API's JSON; a nil weight is left out.
func to(host string, weight any) any {
	one := map[string]any{"destination": map[string]any{"host": host}}
	if weight != nil {
		one["weight"] = weight
	}
	return one
}

func httpTo(destinations ...any) any { return map[string]any{"route": destinations} }

func TestReadWhatSomebodyEdited(t *testing.T) {
	divided := httpTo(to("podinfo-primary", int64(90)), to("podinfo-canary", int64(10)))
	mirroring := func(host string) any {
		route := httpTo(to("podinfo-primary", int64(100)), to("podinfo-canary", int64(0))).(map[string]any)
		route["mirror"] = map[string]any{"host": host}
		route["mirrorPercentage"] = map[string]any{"value": 12.5}
		return route
	}
	for name, test := range map[string]struct {
		reason string
		http   []any
		want   rollout.Traffic
		found  bool
	}{
		"OtherSums": {
			reason: "Weights are shares of their sum, whatever that is.",
			http:   []any{httpTo(to("podinfo-primary", int64(3)), to("podinfo-canary", int64(1)))},
			want:   rollout.Split(25), found: true,
		},
		"NoWeight": {
			reason: "Of several destinations, one without a weight gets nothing.",
			http:   []any{httpTo(to("podinfo-primary", int64(100)), to("podinfo-canary", nil))},
			want:   rollout.ToPrimary(), found: true,
		},
		"TwoZeros": {
			reason: "Nobody is served, which is neither all to the primary nor all to the canary.",
			http:   []any{httpTo(to("podinfo-primary", int64(0)), to("podinfo-canary", int64(0)))},
			found:  true,
		},
		"AThirdDestination": {
			reason: "The route is known by its two destinations, not by having two.",
			http:   []any{httpTo(to("podinfo-primary", int64(80)), to("podinfo-canary", int64(20)), to("podinfo", int64(5)))},
			want:   rollout.Split(20), found: true,
		},
		"SomebodysRoutesAroundOurs": {
			reason: "The route is known by its destinations, not by its place.",
			http:   []any{httpTo(to("a", nil)), divided, httpTo(to("b", nil))},
			want:   rollout.Split(10), found: true,
		},
		"Mirrored": {
			reason: "A mirror that leads to the canary is ours, whatever its share.",
			http:   []any{mirroring("podinfo-canary")},
			want:   rollout.Traffic{Primary: 100, Mirrored: true}, found: true,
		},
		"MirroredElsewhere": {
			reason: "Somebody's mirror says nothing of the canary.",
			http:   []any{mirroring("recorder")},
			want:   rollout.ToPrimary(), found: true,
		},
		"NoneOfOurs": {
			reason: "A user's VirtualService has not been taken over yet.",
			http:   []any{httpTo(to("podinfo", nil))},
		},
		"HalfOfOurs": {
			reason: "Without the canary the route says nothing of the canary's weight.",
			http:   []any{httpTo(to("podinfo-primary", int64(100)))},
		},
		"NoRoutes": {reason: "An empty VirtualService is nobody's."},
	} {
		t.Run(name, func(t *testing.T) {
			got, found, err := read(routertest.Canary(), object(map[string]any{"http": test.http}))
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want || found != test.found {
				t.Errorf("%s\ngot  %+v %t\nwant %+v %t", test.reason, got, found, test.want, test.found)
			}
		})
	}
}

// Flagger's cookie patterns and attributes were others. A run that it began goes on with the cookies that it gave.
func TestReadFlaggersAffinity(t *testing.T) {
	setting := func(cookie string) map[string]any {
		return map[string]any{"response": map[string]any{"add": map[string]any{"Set-Cookie": cookie}}}
	}
	route := func(primary, canary int64, headers ...string) map[string]any {
		stable, candidate := to("podinfo-primary", primary).(map[string]any), to("podinfo-canary", canary).(map[string]any)
		if len(headers) > 0 {
			stable["headers"], candidate["headers"] = setting(headers[0]), setting(headers[1])
		}
		return map[string]any{"route": []any{stable, candidate}}
	}
	sticky := func(one map[string]any, pattern string) map[string]any {
		one["match"] = []any{map[string]any{"headers": map[string]any{"Cookie": map[string]any{"regex": pattern}}}}
		return one
	}
	expiring := sticky(route(100, 0), ".*side.*abc.*")
	expiring["headers"] = setting("side=abc; Max-Age=-1")
	for name, test := range map[string]struct {
		http []any
		want rollout.Traffic
	}{
		"Pinning": {
			http: []any{
				sticky(route(0, 100), ".*side.*abc.*"), sticky(route(100, 0), ".*main.*def.*"),
				route(90, 10, "main=def; Max-Age=60", "side=abc; Max-Age=86400"),
			},
			want: rollout.Traffic{Primary: 90, Canary: 10, Affinity: rollout.Affinity{Cookie: "side=abc", PrimaryCookie: "main=def"}},
		},
		"Expiring": {
			http: []any{expiring, route(100, 0)},
			want: rollout.Traffic{Primary: 100, Affinity: rollout.Affinity{Expired: "side=abc"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, found, err := read(routertest.Canary(), object(map[string]any{"http": test.http}))
			if err != nil || !found || got != test.want {
				t.Errorf("got %+v, %t, %v, want %+v", got, found, err, test.want)
			}
		})
	}
}

func TestReadWhatCannotBeRead(t *testing.T) {
	if _, _, err := read(routertest.Canary(), object(map[string]any{"http": "none"})); err == nil {
		t.Error("a list that is none was read")
	}
}

// What was a suffix means the same as a pattern.
func TestASuffixIsAPattern(t *testing.T) {
	known := withoutSuffixes(map[string]istio.StringMatch{"x-mail": {Suffix: "@a.example"}})["x-mail"]
	pattern := regexp.MustCompile("^(?:" + known.Regex + ")$")
	for value, want := range map[string]bool{"me@a.example": true, "@a.example": true, "me@a.example.org": false, "me@abexample": false} {
		if got := pattern.MatchString(value); got != want {
			t.Errorf("%q: got %t, want %t", value, got, want)
		}
	}
}
