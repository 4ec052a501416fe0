package router

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"flagger.app/flagger/api/v1beta1"
)

// Headers of session affinity.
const (
	CookieHeader    = "Cookie"
	SetCookieHeader = "Set-Cookie"
)

const (
	// dayOfSeconds is how long a canary's cookie lives unless the spec says otherwise.
	dayOfSeconds = 86400
	// defaultInterval is the analysis interval of a spec without one.
	defaultInterval = time.Minute
	// expiredSeconds make clients forget a cookie at once.
	expiredSeconds = -1
)

// ErrSameCookies says, in the contract's words, that users of the two sides could not be told apart.
var ErrSameCookies = errors.New("can't use the same cookie name for both primary and cookie name; please update them to be different")

// CookiePattern matches a Cookie header that holds cookie, a "name=value", whether an implementation searches the header
// or wants all of it to match. Cookies are separated by semicolons: RFC 6265, section 4.2.1.
func CookiePattern(cookie string) string {
	return `^(.*;\s*)?` + regexp.QuoteMeta(cookie) + `(\s*;.*)?$`
}

// CanaryCookie is the Set-Cookie header that keeps a user with the canary.
func CanaryCookie(c *v1beta1.Canary, cookie string) string {
	seconds := dayOfSeconds
	if affinity := Analysis(c).SessionAffinity; affinity != nil && affinity.MaxAge > 0 {
		seconds = int(affinity.MaxAge)
	}
	return lasting(c, cookie, seconds)
}

// PrimaryCookie is the Set-Cookie header that keeps a user with the primary, until the next step of the weights. It fails
// if the analysis interval is no duration.
func PrimaryCookie(c *v1beta1.Canary, cookie string) (string, error) {
	interval := defaultInterval
	if text := Analysis(c).Interval; text != "" {
		var err error
		if interval, err = time.ParseDuration(text); err != nil {
			return "", fmt.Errorf("failed to parse canary interval: %w", err)
		}
	}
	return lasting(c, cookie, int(interval/time.Second)), nil
}

// ExpiredCookie is the Set-Cookie header by which clients forget cookie.
func ExpiredCookie(c *v1beta1.Canary, cookie string) string {
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
	if affinity := Analysis(c).SessionAffinity; affinity != nil {
		attribute(affinity.Domain != "", "Domain="+affinity.Domain)
		attribute(affinity.HTTPOnly, "HttpOnly")
		attribute(affinity.Partitioned, "Partitioned")
		attribute(affinity.Path != "", "Path="+affinity.Path)
		attribute(affinity.SameSite != "", "SameSite="+affinity.SameSite)
		attribute(affinity.Secure, "Secure")
	}
	return b.String()
}

// ParseCookie returns the "name=value" of a Set-Cookie header and whether clients are to forget it.
func ParseCookie(header string) (cookie string, expired bool) {
	cookie, attributes, _ := strings.Cut(header, ";")
	return cookie, strings.Contains(attributes, "Max-Age="+strconv.Itoa(expiredSeconds))
}
