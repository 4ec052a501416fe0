package courier

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSecrets(t *testing.T) {
	cases := map[string]struct {
		reason  string
		address *url.URL
		want    []string
	}{
		"None":     {"There may be no proxy.", nil, nil},
		"Public":   {"Anybody may know the host.", &url.URL{Host: "chat"}, nil},
		"UserOnly": {"A name is no secret.", &url.URL{Host: "chat", User: url.User("me")}, nil},
		"Password": {"A receiver knows it in both forms.", &url.URL{Host: "chat", User: url.UserPassword("me", "s3cret")},
			[]string{"bWU6czNjcmV0", "s3cret"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Secrets(tc.address)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
