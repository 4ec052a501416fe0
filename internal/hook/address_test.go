package hook

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"flagger.app/flagger/api/v1beta1"
)

// An event with the text goes to whoever is told of the canary, not to its owner alone.
func TestUnreadableURLIsNotShown(t *testing.T) {
	for name, address := range map[string]string{
		"Port":   "http://me:s3cret@gate:port/",
		"Host":   "http://me:s3cret@[::1/",
		"Escape": "http://me:s3cret@gate/%zz",
		"User":   "http://me:s3cret@%zz@gate/",
	} {
		err := impatient().Call(t.Context(), podinfo(), v1beta1.CanaryWebhook{Name: "gate", URL: address}, v1beta1.PhaseProgressing)
		if got := text(err); got == "" || strings.Contains(got, "s3cret") {
			t.Errorf("%s: a URL that cannot be read is refused, without its password: got %q", name, got)
		}
	}
}

func TestReceiverThatRepeatsItsPasswordIsCutShort(t *testing.T) {
	cases := map[string]struct {
		reason string
		answer http.HandlerFunc
		want   string // a part of the text
	}{
		"Refusal": {
			"A refusal is shown in the receiver's words.",
			func(w http.ResponseWriter, r *http.Request) {
				_, password, _ := r.BasicAuth()
				http.Error(w, r.Header.Get("Authorization")+" with "+password, http.StatusForbidden)
			},
			"Basic *** with ***\n",
		},
		"NoHTTP": {
			"An answer that cannot be read is quoted.",
			func(w http.ResponseWriter, r *http.Request) {
				connection, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_, password, _ := r.BasicAuth()
				_, _ = connection.Write([]byte("HTTP/1.1 " + password + "\r\n\r\n"))
				_ = connection.Close()
			},
			`malformed HTTP status code "***"`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			gate := httptest.NewServer(tc.answer)
			defer gate.Close()
			address := strings.Replace(gate.URL, "://", "://me:s3cret@", 1)
			err := impatient().Call(t.Context(), podinfo(), v1beta1.CanaryWebhook{Name: "gate", URL: address}, v1beta1.PhaseProgressing)
			if got := text(err); !strings.Contains(got, tc.want) || strings.Contains(got, "s3cret") {
				t.Errorf("%s\nThe password was sent, but is not shown: want %q, got %q", tc.reason, tc.want, got)
			}
		})
	}
}
