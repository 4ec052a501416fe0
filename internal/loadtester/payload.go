package loadtester

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	// payloadLimit is the size of the largest payload that is read, in bytes.
	payloadLimit = 1 << 20
	// payloadTimeout is how long a caller may take to send it.
	payloadTimeout = 30 * time.Second
)

// payload is what the operator sends; keys that are not needed here are ignored.
type payload struct {
	Name      string            `json:"name"`
	Namespace string            `json:"namespace"`
	Metadata  map[string]string `json:"metadata"`
}

// canary returns <name>.<namespace>.
func (p payload) canary() string { return p.Name + "." + p.Namespace }

// isSet reports whether a key of the metadata says yes. What is no boolean says no.
func (p payload) isSet(key string) bool {
	set, err := strconv.ParseBool(p.Metadata[key])
	return err == nil && set
}

// refusal is an answer to a request that cannot be carried out. Its text is for the caller.
type refusal struct {
	status int
	text   string
}

// Error returns the text.
func (r refusal) Error() string { return r.text }

// refuse returns a refusal with status 400, which is not tried again.
func refuse(format string, args ...any) error {
	return refusal{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// read returns the payload of a request whose namespace is served. Its error is a refusal.
func (t *Tester) read(w http.ResponseWriter, req *http.Request) (payload, error) {
	// The server has no limit for whole requests, which would end those that wait for a task.
	connection := http.NewResponseController(w)
	_ = connection.SetReadDeadline(t.clock.Now().Add(payloadTimeout)) // tests have no connection
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, payloadLimit))
	_ = connection.SetReadDeadline(time.Time{})

	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return payload{}, refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("payload is larger than %d bytes", payloadLimit)}
	case err != nil:
		return payload{}, refuse("read payload: %v", err)
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return payload{}, refuse("decode payload: %v", err)
	}
	if t.namespaces != nil && !t.namespaces.MatchString(p.Namespace) {
		return payload{}, refusal{http.StatusForbidden, "Forbidden"}
	}
	return p, nil
}
