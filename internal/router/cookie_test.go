package router_test

import (
	"fmt"
	"regexp"
	"testing"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

// Cookies are told apart by the whole of their name and value.
func TestCookiePattern(t *testing.T) {
	const cookie = "side.v1=a+b"
	for header, want := range map[string]bool{
		"side.v1=a+b":                  true,
		"side.v1=a+b; other=1":         true,
		"other=1; side.v1=a+b":         true,
		"other=1;side.v1=a+b;third=3":  true,
		"other=1; side.v1=a+b ; third": true,
		"inside.v1=a+b":                false,
		"side.v1=a+bc":                 false,
		"other=side.v1=a+b":            false,
		"sideXv1=a+b":                  false,
		"side.v1=aab":                  false,
		"side.v1=other":                false,
		"":                             false,
	} {
		// Implementations search (Traefik) or match the whole header (Envoy).
		for name, pattern := range map[string]string{
			"search": router.CookiePattern(cookie),
			"whole":  fmt.Sprintf("^(?:%s)$", router.CookiePattern(cookie)),
		} {
			if got := regexp.MustCompile(pattern).MatchString(header); got != want {
				t.Errorf("%s in %q: got %t, want %t", name, header, got, want)
			}
		}
	}
}

// A client forgets a cookie only when told the attributes that it was set with.
func TestCookies(t *testing.T) {
	const cookie = "side=abc"
	all := &v1beta1.SessionAffinity{
		MaxAge: 60, Domain: "example.com", HTTPOnly: true, Partitioned: true, Path: "/app", SameSite: "None", Secure: true,
	}
	const attributes = "; Domain=example.com; HttpOnly; Partitioned; Path=/app; SameSite=None; Secure"
	for name, test := range map[string]struct {
		reason                   string
		interval                 string
		affinity                 *v1beta1.SessionAffinity
		canary, primary, expired string
	}{
		"All": {
			reason: "Every attribute of the spec is one of the cookies.", interval: "1m30s", affinity: all,
			canary: "; Max-Age=60" + attributes, primary: "; Max-Age=90" + attributes, expired: "; Max-Age=-1" + attributes,
		},
		"Defaults": {
			reason: "A day at the canary, an interval at the primary.", affinity: &v1beta1.SessionAffinity{},
			canary: "; Max-Age=86400", primary: "; Max-Age=60", expired: "; Max-Age=-1",
		},
		"NoAffinity": {
			reason: "The spec may have lost it since the cookie was set.", interval: "30s",
			canary: "; Max-Age=86400", primary: "; Max-Age=30", expired: "; Max-Age=-1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := routertest.Canary()
			c.Spec.Analysis.Interval, c.Spec.Analysis.SessionAffinity = test.interval, test.affinity
			primary, err := router.PrimaryCookie(c, cookie)
			if err != nil {
				t.Fatal(err)
			}
			for header, want := range map[string]string{
				router.CanaryCookie(c, cookie): test.canary, primary: test.primary, router.ExpiredCookie(c, cookie): test.expired,
			} {
				if header != cookie+want {
					t.Errorf("%s Got %q, want %q", test.reason, header, cookie+want)
				}
				read, expired := router.ParseCookie(header)
				if read != cookie || expired != (want == test.expired) {
					t.Errorf("%s Read %q, %t of %q", test.reason, read, expired, header)
				}
			}
		})
	}
}

func TestAnIntervalThatIsNoneIsAnError(t *testing.T) {
	c := routertest.Canary()
	c.Spec.Analysis.Interval = "soon"
	_, err := router.PrimaryCookie(c, "side=abc")
	if err == nil || err.Error() != `failed to parse canary interval: time: invalid duration "soon"` {
		t.Errorf("got error %v", err)
	}
}
