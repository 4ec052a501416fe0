package courier

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// mostRedirects ends a loop of redirects.
const mostRedirects = 10

// follow keeps a redirect a POST with its body, which a 301, 302 or 303 would else turn into a GET, and stops at one
// that leaves the configured receiver. A redirect that is not followed is the answer.
func follow(req *http.Request, via []*http.Request) error {
	first := via[0]
	if len(via) > mostRedirects || !sameReceiver(first.URL, req.URL) {
		return http.ErrUseLastResponse
	}
	body, err := first.GetBody()
	if err != nil {
		return fmt.Errorf("rewind body: %w", err)
	}
	req.Method, req.Body, req.GetBody, req.ContentLength = first.Method, body, first.GetBody, first.ContentLength
	req.Header.Set("Content-Type", first.Header.Get("Content-Type"))
	return nil
}

// sameReceiver reports whether b is the receiver configured as a. Moving from http to https, each on its usual port,
// is no move to another one.
func sameReceiver(a, b *url.URL) bool {
	if !strings.EqualFold(a.Hostname(), b.Hostname()) {
		return false
	}
	upgraded := a.Scheme == "http" && b.Scheme == "https" && port(a) == "80" && port(b) == "443"
	return upgraded || a.Scheme == b.Scheme && port(a) == port(b)
}

// port returns the port that u stands for.
func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// destination tells where a redirect that was not followed leads, as far as that is no secret. In an answer of another
// status a location is none to go to.
func destination(resp *http.Response) string {
	to, err := resp.Location()
	if err != nil || resp.StatusCode < 300 || resp.StatusCode >= 400 {
		return ""
	}
	return to.Scheme + "://" + to.Host
}
