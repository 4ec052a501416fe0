package msteams

import (
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/notify"
)

// fact is a field, in both kinds of cards.
type fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type message struct {
	Type       string    `json:"@type"`
	Context    string    `json:"@context"`
	ThemeColor string    `json:"themeColor"`
	Summary    string    `json:"summary"`
	Sections   []section `json:"sections"`
}

type section struct {
	ActivityTitle    string `json:"activityTitle"`
	ActivitySubtitle string `json:"activitySubtitle"`
	Facts            []fact `json:"facts"`
}

// messageCard is what an Office connector takes.
func messageCard(m notify.Message) message {
	color := "0076D7"
	if m.Severity == v1beta1.SeverityError {
		color = "FF0000"
	}
	facts := make([]fact, 0, len(m.Fields)) // written as [], not null
	for _, f := range m.Fields {
		facts = append(facts, fact(f))
	}
	return message{
		Type:       "MessageCard",
		Context:    "http://schema.org/extensions",
		ThemeColor: color,
		Summary:    m.Canary,
		Sections:   []section{{ActivityTitle: m.Text, ActivitySubtitle: m.Canary, Facts: facts}},
	}
}

type envelope struct {
	Type        string       `json:"type"`
	Summary     string       `json:"summary"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	ContentType string  `json:"contentType"`
	ContentURL  *string `json:"contentUrl"`
	Content     card    `json:"content"`
}

type card struct {
	Schema  string         `json:"$schema"`
	Type    string         `json:"type"`
	Version string         `json:"version"`
	Body    []element      `json:"body"`
	Teams   map[string]any `json:"msteams"`
}

// element is a TextBlock or a FactSet.
type element struct {
	Type     string  `json:"type"`
	Text     string  `json:"text,omitempty"`
	Weight   string  `json:"weight,omitempty"`
	Color    string  `json:"color,omitempty"`
	IsSubtle bool    `json:"isSubtle,omitempty"`
	Wrap     bool    `json:"wrap,omitempty"`
	Facts    []title `json:"facts,omitempty"`
}

type title struct {
	Title string `json:"title"`
	Value string `json:"value"`
}

// themes are the colors that an Adaptive Card has for severities.
var themes = map[v1beta1.AlertSeverity]string{
	v1beta1.SeverityInfo:  "accent",
	v1beta1.SeverityWarn:  "warning",
	v1beta1.SeverityError: "attention",
}

// adaptiveCard is what a workflow takes, in the version that Teams shows on every device.
func adaptiveCard(m notify.Message) envelope {
	body := []element{
		{Type: "TextBlock", Text: m.Text, Weight: "bolder", Color: themes[m.Severity], Wrap: true},
		{Type: "TextBlock", Text: m.Canary, IsSubtle: true, Wrap: true},
	}
	if len(m.Fields) > 0 {
		facts := element{Type: "FactSet"}
		for _, f := range m.Fields {
			facts.Facts = append(facts.Facts, title{Title: f.Name, Value: f.Value})
		}
		body = append(body, facts)
	}
	return envelope{
		Type:    "message",
		Summary: m.Canary,
		Attachments: []attachment{{
			ContentType: "application/vnd.microsoft.card.adaptive",
			Content: card{
				Schema:  "http://adaptivecards.io/schemas/adaptive-card.json",
				Type:    "AdaptiveCard",
				Version: "1.4",
				Body:    body,
				Teams:   map[string]any{"width": "Full"},
			},
		}},
	}
}
