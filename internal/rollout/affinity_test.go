package rollout

import (
	"regexp"
	"testing"

	"flagger.app/flagger/api/v1beta1"
)

func sticky(in *Observation) { in.Plan.Affinity, in.Plan.PrimaryAffinity = "canary", "primary" }

// route is the traffic that a decision asks for.
func routeOf(t *testing.T, in Observation) Traffic {
	t.Helper()
	for _, action := range Decide(in).Actions {
		if route, ok := action.(Route); ok {
			return route.Traffic
		}
	}
	t.Fatal("no route in the decision")
	return Traffic{}
}

func TestCookies(t *testing.T) {
	value := regexp.MustCompile(`^(canary|primary)=[a-zA-Z]{10}$`)
	first := Decide(observe(beginning(), sticky))
	cookies := routeOf(t, observe(beginning(), sticky)).Affinity
	if !value.MatchString(cookies.Cookie) || !value.MatchString(cookies.PrimaryCookie) || cookies.Expired != "" {
		t.Fatalf("the first step pins users of both sides, got %+v", cookies)
	}
	if first.Status.SessionAffinityCookie != cookies.Cookie || first.Status.PrimarySessionAffinityCookie != cookies.PrimaryCookie {
		t.Errorf("the status must know the cookies that the route has, got %+v", first.Status)
	}
	if again := routeOf(t, observe(beginning(), sticky)).Affinity; again != cookies {
		t.Errorf("a step repeated after a crash pins users to the same cookies, got %+v, want %+v", again, cookies)
	}

	keep := func(in *Observation) {
		in.Status.SessionAffinityCookie, in.Status.PrimarySessionAffinityCookie = cookies.Cookie, cookies.PrimaryCookie
	}
	second := routeOf(t, observe(progressingAt(20), sticky, keep)).Affinity
	if second.Cookie != cookies.Cookie {
		t.Errorf("users of the canary stay on it through the run, got %s, want %s", second.Cookie, cookies.Cookie)
	}
	if second.PrimaryCookie == cookies.PrimaryCookie || !value.MatchString(second.PrimaryCookie) {
		t.Errorf("users of the primary are drawn anew with each step (flaw E11), got %s again", second.PrimaryCookie)
	}

	back := routeOf(t, observe(promotingAt(60), sticky, keep)).Affinity
	if want := (Affinity{Expired: cookies.Cookie}); back != want {
		t.Errorf("clients forget the cookie when the run is over, got %+v, want %+v", back, want)
	}
	expired := func(in *Observation) { in.Status.PreviousSessionAffinityCookie = cookies.Cookie }
	if next := routeOf(t, observe(beginning(), sticky, expired)).Affinity; next.Cookie == cookies.Cookie {
		t.Errorf("a new run never pins the users of an old one, got %s again", next.Cookie)
	}
	if got := routeOf(t, observe(sticky, expired)).Affinity; got != (Affinity{Expired: cookies.Cookie}) {
		t.Errorf("at rest the old cookie goes on expiring, got %+v", got)
	}
}

func TestNoCookies(t *testing.T) {
	if got := routeOf(t, observe(beginning())).Affinity; got != (Affinity{}) {
		t.Errorf("nobody asked for cookies, got %+v", got)
	}
	onlyCanary := plan(func(p *Plan) { p.Affinity = "canary" })
	if got := routeOf(t, observe(beginning(), onlyCanary)).Affinity; got.Cookie == "" || got.PrimaryCookie != "" {
		t.Errorf("without a primary cookie's name nobody is pinned to the primary, got %+v", got)
	}
	stale := func(in *Observation) { in.Status.SessionAffinityCookie = "canary=abcdefghij" }
	if got := routeOf(t, observe(status(v1beta1.PhaseSucceeded), stale)).Affinity; got != (Affinity{}) {
		t.Errorf("affinity taken out of the spec is taken off the route, got %+v", got)
	}
}
