// Package gchat speaks the cards of Google Chat's hooks.
package gchat

import (
	"fmt"
	"strings"

	"flagger.app/flagger/internal/notify"
)

// logo is shown beside every message.
const logo = "https://flagger.app/favicon.png"

// Row is the row of the table of services.
func Row() notify.Service {
	return notify.Service{Type: "gchat", Hook: "Google Chat webhook", Render: render}
}

type body struct {
	Cards []card `json:"cards"`
}

type card struct {
	Header   header    `json:"header"`
	Sections []section `json:"sections"`
}

type header struct {
	Title    string `json:"title"`
	Subtitle string `json:"subtitle"`
	ImageURL string `json:"imageUrl"`
}

type section struct {
	Widgets []widget `json:"widgets"`
}

type widget struct {
	TextParagraph paragraph `json:"textParagraph"`
}

type paragraph struct {
	Text string `json:"text"`
}

func render(r notify.Room, m notify.Message) notify.Post {
	sections := []section{say(strong(m.Text))}
	for _, f := range m.Fields {
		sections = append(sections, say(escape(f.Name)+"<br>"+strong(f.Value)))
	}
	return notify.Post{Address: r.Address, Body: body{Cards: []card{{
		Header:   header{Title: "Flagger", Subtitle: m.Canary, ImageURL: logo},
		Sections: sections,
	}}}}
}

func say(text string) section {
	return section{Widgets: []widget{{TextParagraph: paragraph{Text: text}}}}
}

func strong(text string) string {
	return fmt.Sprintf("<font color=#848484><strong>%s</strong></font>", escape(text))
}

// escape keeps a text from being markup; quotes need none outside of tags.
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace
