package slack

import (
	"net/url"
	"testing"

	"flagger.app/flagger/internal/notify/notifytest"
)

func TestRequests(t *testing.T) {
	notifytest.Run(t, Row(Slack), "slack", "/services/T0/B0/s3cret")
	notifytest.Run(t, Row(Discord), "discord", "/api/webhooks/1/s3cret?wait=true")
	notifytest.Run(t, Row(Rocket), "rocket", "/hooks/1/s3cret")
}

func TestCompatible(t *testing.T) {
	cases := map[string]struct{ reason, address, want string }{
		"Hook":       {"The plain hook takes another format.", "https://discord.com/api/webhooks/1/t", "https://discord.com/api/webhooks/1/t/slack"},
		"Slash":      {"A path that ends in a slash is the same.", "https://discord.com/api/webhooks/1/t/", "https://discord.com/api/webhooks/1/t/slack"},
		"Compatible": {"What is there is not added again.", "https://discord.com/api/webhooks/1/t/slack", "https://discord.com/api/webhooks/1/t/slack"},
		"Query":      {"The suffix is one of the path.", "https://discord.com/api/webhooks/1/t?wait=true", "https://discord.com/api/webhooks/1/t/slack?wait=true"},
		"Both":       {"A query hides no suffix.", "https://discord.com/api/webhooks/1/t/slack?wait=true", "https://discord.com/api/webhooks/1/t/slack?wait=true"},
		"Named":      {"A token may end like the suffix.", "https://discord.com/api/webhooks/1/tslack", "https://discord.com/api/webhooks/1/tslack/slack"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			address, err := url.Parse(tc.address)
			if err != nil {
				t.Fatal(err)
			}
			if got := compatible(address).String(); got != tc.want {
				t.Errorf("%s\ngot %s, want %s", tc.reason, got, tc.want)
			}
			if address.String() != tc.address {
				t.Errorf("the room's address was changed to %s", address)
			}
		})
	}
}

func TestRefusal(t *testing.T) {
	cases := map[string]struct{ reason, answer, want string }{
		"Hook":    {"A hook answers with a word.", "ok", ""},
		"Sent":    {"The API says what it did.", `{"ok":true,"channel":"C1"}`, ""},
		"Cut":     {"A long answer is read in part; refusals are short.", `{"ok":true,"message":{"text":"New re`, ""},
		"Refused": {"The status is 200 all the same.", `{"ok":false,"error":"channel_not_found"}`, "sending notification refused: channel_not_found"},
		"Foreign": {"Another service may answer in JSON too.", `{"success":true}`, ""},
		"Nothing": {"No words are no refusal.", "", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := refusal([]byte(tc.answer)); err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("%s\ngot %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}
