package notify

import (
	"net/url"

	"flagger.app/flagger/api/v1beta1"
)

// Service is one chat service, a row of the manager's table. Its functions are pure.
type Service struct {
	// Type is the value of an AlertProvider's spec.type.
	Type string
	// Hook is what errors call its address, as in "Slack hook".
	Hook string
	// Render puts a message into the words of the service.
	Render func(r Room, m Message) Post
	// Refusal is the error in the beginning of an answer whose status says success, or nil if there is none; a nil
	// function stands for a service whose status can be trusted.
	Refusal func(answer []byte) error
}

// Room is where messages go. Nothing in it is empty but what says so.
type Room struct {
	// Address is an absolute URL of http or https, and a secret.
	Address *url.URL
	// Token is the bot's, empty for none.
	Token             string
	Channel, Username string
}

// Message is what people read.
type Message struct {
	// Canary is "<name>.<namespace>".
	Canary   string
	Text     string
	Severity v1beta1.AlertSeverity
	// Fields are in the order in which they are shown.
	Fields []Field
}

// Field is one line of the details.
type Field struct{ Name, Value string }

// Post is one request.
type Post struct {
	Address *url.URL
	// Token is sent as bearer token; empty for none.
	Token string
	// Body is encoded in JSON.
	Body any
}
