package splunk

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/gorilla/websocket"
	"github.com/signalfx/signalflow-client-go/v2/signalflow/messages"

	"flagger.app/flagger/internal/metrics"
)

const (
	// maxMessage bounds a message, compressed or not, in bytes.
	maxMessage = 1 << 20
	// headerSize is that of a binary message's header; the flag at its third byte says that the rest is compressed.
	headerSize, flags, compressed = 20, 2, 1
)

var errMessage = errors.New("error unmarshaling result: not a SignalFlow message")

// decode returns what a message says. The library trusts lengths and types in it, so a wrong one ends in a panic.
func decode(kind int, raw []byte) (message messages.Message, err error) {
	defer func() {
		if recover() != nil {
			message, err = nil, errMessage
		}
	}()
	if kind == websocket.BinaryMessage {
		if raw, err = expand(raw); err != nil {
			return nil, err
		}
	}
	raw = slices.Clip(raw) // or a short message would be read beyond its end
	if message, err = messages.ParseMessage(raw, kind == websocket.TextMessage); err != nil {
		return nil, errMessage
	}
	return message, nil
}

// expand returns a binary message uncompressed. The library would do it without a bound.
func expand(raw []byte) ([]byte, error) {
	if len(raw) <= headerSize || raw[flags]&compressed == 0 {
		return raw, nil
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(raw[headerSize:]))
	if err != nil {
		return nil, errMessage
	}
	body, err := io.ReadAll(io.LimitReader(unpacked, maxMessage+1))
	if err != nil || len(body) > maxMessage {
		return nil, errMessage
	}
	raw[flags] &^= compressed
	return append(raw[:headerSize:headerSize], body...), nil
}

// failure is how a server says that it does not run a program, in HTTP's codes.
type failure struct {
	Code    int
	Message string
}

// computation is what has come of a program so far.
type computation struct {
	// series are the distinct time series that had a value.
	series map[any]bool
	// last is the value that came last.
	last float64
	// ended says that all has been said, so that the connection is free again.
	ended bool
	// failure is why there will be no values, or nil.
	failure *failure
}

// over says whether nothing more will come.
func (c *computation) over() bool { return c.ended || c.failure != nil }

// add takes one message about the program or, as refusals of the token are, about the connection.
func (c *computation) add(message messages.Message) {
	switch m := message.(type) {
	case *messages.DataMessage:
		for _, payload := range m.Payloads {
			c.addValue(payload)
		}
	case *messages.EndOfChannelControlMessage:
		c.ended = true
	case *messages.ChannelAbortControlMessage:
		c.ended = true
		c.failure = &failure{Message: "the computation was aborted"}
	case *messages.ErrorMessage:
		c.ended = m.Channel() != ""
		c.failure = &failure{Code: m.Error, Message: m.Message}
	}
}

func (c *computation) addValue(payload messages.DataPayload) {
	value := math.NaN()
	switch number := payload.Value().(type) {
	case float64:
		value = number
	case int64:
		value = float64(number)
	case int32:
		value = float64(number)
	}
	if math.IsNaN(value) {
		return
	}
	if c.series == nil {
		c.series = map[any]bool{}
	}
	c.series[payload.TSID] = true
	c.last = value
}

// value returns the value that counts.
func (c *computation) value() (float64, error) {
	switch len(c.series) {
	case 0:
		return 0, fmt.Errorf("invalid response: %w", metrics.ErrNoData)
	case 1:
		return c.last, nil
	}
	return 0, fmt.Errorf("invalid response: %w", metrics.ErrMultipleValues)
}
