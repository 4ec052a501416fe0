package msteams

import (
	"net/url"
	"testing"

	"flagger.app/flagger/internal/notify/notifytest"
)

func TestRequests(t *testing.T) {
	notifytest.Run(t, Row(), "connector", "/webhookb2/1/IncomingWebhook/s3cret")
	notifytest.Run(t, Row(), "workflow", "/workflows/1/triggers/manual/paths/invoke?api-version=2016-06-01&sig=s3cret")
}

func TestIsWorkflow(t *testing.T) {
	cases := map[string]struct {
		reason, address string
		want            bool
	}{
		"Connector":     {"An Office connector takes MessageCards.", "https://acme.webhook.office.com/webhookb2/1@2/IncomingWebhook/3/4", false},
		"OldConnector":  {"So does one of the first.", "https://outlook.office.com/webhook/1@2/IncomingWebhook/3/4", false},
		"LogicApp":      {"The first workflows.", "https://prod-1.westus.logic.azure.com:443/workflows/1/triggers/manual/paths/invoke?sig=2", true},
		"PowerPlatform": {"The present ones.", "https://1.2.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/1/triggers/manual/paths/invoke?sig=2", true},
		"PowerAutomate": {"The host is enough.", "https://api.powerautomate.com/webhook/1", true},
		"OtherCloud":    {"The path is enough.", "https://prod-1.chinaeast2.logic.azure.cn/workflows/1/triggers/manual/paths/invoke?sig=2", true},
		"Case":          {"Host names know no case.", "https://Prod-1.WestUS.Logic.Azure.com/1", true},
		"Lookalike":     {"A host that ends alike is another.", "https://notlogic.azure.com.example.com/hook", false},
		"Relay":         {"A relay of one's own takes what a connector takes.", "https://relay.example.com/workflows/teams", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			address, err := url.Parse(tc.address)
			if err != nil {
				t.Fatal(err)
			}
			if got := isWorkflow(address); got != tc.want {
				t.Errorf("%s\ngot %t, want %t", tc.reason, got, tc.want)
			}
		})
	}
}

func TestRefusal(t *testing.T) {
	cases := map[string]struct {
		reason, answer string
		refused        bool
	}{
		"Sent":     {"A connector counts messages.", "1", false},
		"Workflow": {"A workflow says nothing.", "", false},
		"Failed":   {"The status is 200 all the same.", "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429", true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := refusal([]byte(tc.answer)); (err != nil) != tc.refused {
				t.Errorf("%s\ngot %v", tc.reason, err)
			}
		})
	}
}
