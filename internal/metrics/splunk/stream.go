package splunk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gorilla/websocket"
	"github.com/signalfx/signalflow-client-go/v2/signalflow/messages"
)

// authentication is the first message of a connection.
type authentication struct {
	Type  string `json:"type"`
	Token string `json:"token"`
}

// execution is a program to run; times are milliseconds since 1970.
type execution struct {
	Type      string `json:"type"`
	Channel   string `json:"channel"`
	Program   string `json:"program"`
	Start     int64  `json:"start"`
	Stop      int64  `json:"stop"`
	Immediate bool   `json:"immediate"`
}

// stream is one connection. It runs one program at a time.
type stream struct {
	conn *websocket.Conn
	// executions counts the programs that were run.
	executions int
	// expiry ends the connection while it is kept; who stops it owns the connection.
	expiry *time.Timer
}

// execute runs e, in a channel of its own, until its end. The error is that of the connection; what went wrong with
// the program is part of the computation. The end of ctx ends the connection.
func (s *stream) execute(ctx context.Context, e execution) (computation, error) {
	s.executions++
	e.Type, e.Channel = "execute", fmt.Sprintf("ch-%d", s.executions)
	var c computation
	if err := s.send(ctx, e); err != nil {
		return c, err
	}
	defer context.AfterFunc(ctx, s.close)()
	for !c.over() {
		message, err := s.receive()
		if err != nil {
			return c, err
		}
		if of, ok := message.(messages.ChannelMessage); !ok || of.Channel() == "" || of.Channel() == e.Channel {
			c.add(message)
		}
	}
	return c, nil
}

// send sends one message.
func (s *stream) send(ctx context.Context, message any) error {
	deadline, _ := ctx.Deadline() // none is none
	if err := s.conn.SetWriteDeadline(deadline); err != nil {
		return errConnection
	}
	if err := s.conn.WriteJSON(message); err != nil {
		return errConnection
	}
	return nil
}

// errConnection stands for all that can happen to a connection: the library's words tell ports and what was sent.
var errConnection = errors.New("request failed: the connection was closed")

// receive returns the next message.
func (s *stream) receive() (messages.Message, error) {
	kind, message, err := s.conn.ReadMessage()
	if err != nil {
		return nil, errConnection
	}
	return decode(kind, message)
}

func (s *stream) close() { _ = s.conn.Close() } // there is nobody to tell
