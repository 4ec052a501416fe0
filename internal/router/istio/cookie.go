package istio

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

const (
	cookieHeader    = "Cookie"
	setCookieHeader = "Set-Cookie"

	// dayOfSeconds is how long a canary's cookie lives unless the spec says otherwise.
	dayOfSeconds = 86400
	// defaultInterval is the analysis interval of a spec without one.
	defaultInterval = time.Minute
	// expiredSeconds make clients forget a cookie at once.
	expiredSeconds = -1
)

// cookiePattern matches a Cookie header that holds cookie, a "name=value". Cookies are separated by semicolons:
// RFC 6265, section 4.2.1.
func cookiePattern(cookie string) string {
	return `^(.*;\s*)?` + regexp.QuoteMeta(cookie) + `(\s*;.*)?$`
}

// canaryCookie is the Set-Cookie header that keeps a user with the canary.
func canaryCookie(c *v1beta1.Canary, cookie string) string {
	seconds := dayOfSeconds
	if affinity := router.Analysis(c).SessionAffinity; affinity != nil && affinity.MaxAge > 0 {
		seconds = int(affinity.MaxAge)
	}
	return lasting(c, cookie, seconds)
}

// primaryCookie is the Set-Cookie header that keeps a user with the primary, until the next step of the weights.
func primaryCookie(c *v1beta1.Canary, cookie string) (string, error) {
	interval := defaultInterval
	if text := router.Analysis(c).Interval; text != "" {
		var err error
		if interval, err = time.ParseDuration(text); err != nil {
			return "", fmt.Errorf("failed to parse canary interval: %w", err)
		}
	}
	return lasting(c, cookie, int(interval/time.Second)), nil
}

// expiredCookie is the Set-Cookie header by which clients forget cookie.
func expiredCookie(c *v1beta1.Canary, cookie string) string {
	return lasting(c, cookie, expiredSeconds)
}

// lasting is a Set-Cookie header with the attributes that all cookies of c have. A client forgets a cookie only when
// told the same domain and path again.
func lasting(c *v1beta1.Canary, cookie string, seconds int) string {
	var b strings.Builder
	b.WriteString(cookie)
	attribute := func(set bool, text string) {
		if set {
			b.WriteString("; " + text)
		}
	}
	attribute(true, "Max-Age="+strconv.Itoa(seconds))
	if affinity := router.Analysis(c).SessionAffinity; affinity != nil {
		attribute(affinity.Domain != "", "Domain="+affinity.Domain)
		attribute(affinity.HTTPOnly, "HttpOnly")
		attribute(affinity.Partitioned, "Partitioned")
		attribute(affinity.Path != "", "Path="+affinity.Path)
		attribute(affinity.SameSite != "", "SameSite="+affinity.SameSite)
		attribute(affinity.Secure, "Secure")
	}
	return b.String()
}

// parseCookie returns the "name=value" of a Set-Cookie header and whether clients are to forget it.
func parseCookie(header string) (cookie string, expired bool) {
	cookie, attributes, _ := strings.Cut(header, ";")
	return cookie, strings.Contains(attributes, "Max-Age="+strconv.Itoa(expiredSeconds))
}
