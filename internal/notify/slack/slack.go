// Package slack speaks the attachments that Slack made common: its own hooks and bots, Discord's Slack-compatible
// hooks and those of Rocket.Chat.
package slack

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/notify"
)

// Dialect is a service that takes attachments.
type Dialect int

const (
	// Slack is a hook, or the API's chat.postMessage for a bot with a token.
	Slack Dialect = iota
	// Discord is a hook, whose path gets the suffix /slack if it has none.
	Discord
	// Rocket is a hook of Rocket.Chat.
	Rocket
)

// Row is the row of the table of services.
func Row(d Dialect) notify.Service {
	switch d {
	case Discord:
		return notify.Service{Type: "discord", Hook: "Discord hook", Render: renderDiscord}
	case Rocket:
		return notify.Service{Type: "rocket", Hook: "Rocket hook", Render: renderRocket}
	case Slack:
	}
	return notify.Service{Type: "slack", Hook: "Slack hook", Render: renderSlack, Refusal: refusal}
}

// colors are those of an error, and of all else.
type colors struct{ failed, fine string }

var (
	named = colors{failed: "danger", fine: "good"}
	mixed = colors{failed: "#FF0000", fine: "#0076D7"}
)

type body struct {
	Channel     string       `json:"channel"`
	Username    string       `json:"username"`
	IconURL     string       `json:"icon_url"`
	IconEmoji   string       `json:"icon_emoji"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	Color      string   `json:"color"`
	AuthorName string   `json:"author_name"`
	Text       string   `json:"text"`
	MrkdwnIn   []string `json:"mrkdwn_in"`
	Fields     []field  `json:"fields"`
}

type field struct {
	Title string `json:"title"`
	Value string `json:"value"`
	Short bool   `json:"short"`
}

func renderSlack(r notify.Room, m notify.Message) notify.Post {
	return notify.Post{Address: r.Address, Token: r.Token, Body: attach(r, m, named)}
}

func renderDiscord(r notify.Room, m notify.Message) notify.Post {
	return notify.Post{Address: compatible(r.Address), Body: attach(r, m, named)}
}

func renderRocket(r notify.Room, m notify.Message) notify.Post {
	return notify.Post{Address: r.Address, Body: attach(r, m, mixed)}
}

func attach(r notify.Room, m notify.Message, c colors) body {
	color := c.fine
	if m.Severity == v1beta1.SeverityError {
		color = c.failed
	}
	fields := make([]field, 0, len(m.Fields)) // written as [], not null
	for _, f := range m.Fields {
		fields = append(fields, field{Title: f.Name, Value: f.Value})
	}
	return body{
		Channel:   r.Channel,
		Username:  r.Username,
		IconEmoji: ":rocket:",
		Attachments: []attachment{{
			Color:      color,
			AuthorName: m.Canary,
			Text:       m.Text,
			MrkdwnIn:   []string{"text"},
			Fields:     fields,
		}},
	}
}

// compatible returns the Slack-compatible address of a Discord hook.
func compatible(address *url.URL) *url.URL {
	if strings.HasSuffix(strings.TrimSuffix(address.Path, "/"), "/slack") {
		return address
	}
	return address.JoinPath("slack")
}

// refusal reads what the API answers with status 200. Hooks answer "ok", which is no JSON.
func refusal(answer []byte) error {
	said := struct {
		OK    *bool  `json:"ok"`
		Error string `json:"error"`
	}{}
	if err := json.Unmarshal(answer, &said); err != nil || said.OK == nil || *said.OK {
		return nil
	}
	return fmt.Errorf("sending notification refused: %s", said.Error)
}
