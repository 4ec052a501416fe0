package rollout

import (
	"crypto/sha256"
	"strconv"
	"strings"

	"flagger.app/flagger/api/v1beta1"
)

// cookieLetters is the length of a cookie's value.
const cookieLetters = 10

// affinity reads the cookies that are in force from the status.
func (p Plan) affinity(status v1beta1.CanaryStatus) Affinity {
	if p.Affinity == "" {
		return Affinity{}
	}
	return Affinity{
		Cookie:        status.SessionAffinityCookie,
		PrimaryCookie: status.PrimarySessionAffinityCookie,
		Expired:       status.PreviousSessionAffinityCookie,
	}
}

// rotateCookies gives the run its cookies with the first weight on the canary, and retires them with the last. The
// values derive from the canary, the revision and the cookie before, so a step that is repeated after a crash pins
// users to the same cookie, and a new run never pins the users of an old one. The primary's cookie also derives from the
// weight: with each step, those who stayed on the primary are drawn anew.
func (d *draft) rotateCookies(t Traffic) {
	plan, status := d.in.Plan, &d.dec.Status
	if plan.Affinity == "" {
		return
	}
	if t.Canary == 0 {
		if status.SessionAffinityCookie != "" {
			status.PreviousSessionAffinityCookie = status.SessionAffinityCookie
		}
		status.SessionAffinityCookie, status.PrimarySessionAffinityCookie = "", ""
		return
	}
	seed := d.in.UID + status.LastAppliedSpec + status.PreviousSessionAffinityCookie
	if status.SessionAffinityCookie == "" {
		status.SessionAffinityCookie = plan.Affinity + "=" + letters(seed+"canary")
	}
	if plan.PrimaryAffinity != "" {
		step := strconv.Itoa(int(t.Canary))
		status.PrimarySessionAffinityCookie = plan.PrimaryAffinity + "=" + letters(seed+"primary"+step)
	}
}

// letters maps a seed to ASCII letters.
func letters(seed string) string {
	const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	sum := sha256.Sum256([]byte(seed))
	var b strings.Builder
	for _, octet := range sum[:cookieLetters] {
		b.WriteByte(alphabet[int(octet)%len(alphabet)])
	}
	return b.String()
}
