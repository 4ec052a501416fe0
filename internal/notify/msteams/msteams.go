// Package msteams speaks the cards of Microsoft Teams: MessageCards for Office connectors, Adaptive Cards for
// workflows, which take nothing else.
package msteams

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"flagger.app/flagger/internal/notify"
)

// Row is the row of the table of services.
func Row() notify.Service {
	return notify.Service{Type: "msteams", Hook: "MS Teams webhook", Render: render, Refusal: refusal}
}

func render(r notify.Room, m notify.Message) notify.Post {
	if isWorkflow(r.Address) {
		return notify.Post{Address: r.Address, Body: adaptiveCard(m)}
	}
	return notify.Post{Address: r.Address, Body: messageCard(m)}
}

// workflowHosts are where workflows are triggered, subdomains included.
var workflowHosts = []string{"logic.azure.com", "powerplatform.com", "powerautomate.com", "flow.microsoft.com"}

// isWorkflow tells whether an address triggers a workflow. The path tells so in clouds that have other hosts.
func isWorkflow(address *url.URL) bool {
	host := strings.ToLower(address.Hostname())
	return strings.Contains(address.Path, "/workflows/") && strings.Contains(address.Path, "/triggers/") ||
		slices.ContainsFunc(workflowHosts, func(domain string) bool {
			return host == domain || strings.HasSuffix(host, "."+domain)
		})
}

// connectorFailed begins the answer of an Office connector that has status 200 and yet failed.
const connectorFailed = "Webhook message delivery failed"

// refusal reads the answer of an Office connector.
func refusal(answer []byte) error {
	if !bytes.HasPrefix(bytes.TrimSpace(answer), []byte(connectorFailed)) {
		return nil
	}
	return fmt.Errorf("sending notification refused: %.200s", answer)
}
