package loadtester

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	// ngrinderInterval is the pause between two looks at a test that says nothing else.
	ngrinderInterval = time.Second
	// ngrinderShortest spares the server the eager ones.
	ngrinderShortest = 100 * time.Millisecond
	// stopTimeout limits the attempt to stop a test.
	stopTimeout = 10 * time.Second
)

// ngrinder is a task of type ngrinder: a test of an nGrinder server, https://github.com/naver/ngrinder, that is cloned,
// started and watched until it ends.
type ngrinder struct {
	client         *http.Client
	server         *url.URL
	clone          int64
	user, password string
	interval       time.Duration
}

// prepareNGrinder reads a test.
func prepareNGrinder(t *Tester, p payload) (task, error) {
	m := p.Metadata
	for _, key := range []string{"server", "clone", "username", "passwd"} {
		if _, found := m[key]; !found {
			return nil, refuse("server, clone, username and passwd are required metadata")
		}
	}
	server, err := parseServer(m["server"])
	if err != nil {
		return nil, refuse("invalid url: %s: %v", m["server"], err)
	}
	clone, err := strconv.ParseInt(m["clone"], 10, 64)
	if err != nil {
		return nil, refuse("metadata clone must be integer: %v", err)
	}
	password, err := base64.StdEncoding.DecodeString(m["passwd"])
	if err != nil {
		return nil, refuse("metadata password is invalid: %v", err)
	}
	interval := ngrinderInterval
	if text, found := m["pollInterval"]; found {
		if interval, err = time.ParseDuration(text); err != nil {
			return nil, refuse("metadata pollInterval is invalid: %v", err)
		}
	}
	return ngrinder{t.client, server, clone, m["username"], string(password), max(interval, ngrinderShortest)}, nil
}

// String names the test that is cloned.
func (n ngrinder) String() string { return fmt.Sprintf("ngrinder test %d", n.clone) }

func (n ngrinder) run(ctx context.Context) (string, error) {
	id, err := n.start(ctx)
	if err != nil {
		return "", fmt.Errorf("start test: %w", err)
	}
	err = poll(ctx, n.interval, func(ctx context.Context) (progress, error) { return n.look(ctx, id) })
	if err == nil || errors.Is(err, errTestFailed) {
		return "", err
	}
	// It may still run, and nobody looks at it any more.
	return "", errors.Join(err, n.stop(context.WithoutCancel(ctx), id))
}

// start clones the test, starts the clone and returns its number.
func (n ngrinder) start(ctx context.Context) (string, error) {
	var begun struct {
		ID int64 `json:"id"`
	}
	if err := n.call(ctx, http.MethodPost, n.at(strconv.FormatInt(n.clone, 10), "clone_and_start"), &begun); err != nil {
		return "", err
	}
	if begun.ID == 0 {
		return "", errors.New("the answer has no id")
	}
	return strconv.FormatInt(begun.ID, 10), nil
}

// errTestFailed is the error for a test that has ended and was no success.
var errTestFailed = errors.New("test failed")

// look asks how a test gets on.
func (n ngrinder) look(ctx context.Context, id string) (progress, error) {
	var now struct {
		Status []struct {
			ID string `json:"status_id"`
		} `json:"status"`
	}
	if err := n.call(ctx, http.MethodGet, n.at(id, "status"), &now); err != nil {
		return underWay, fmt.Errorf("read status of test %s: %w", id, err)
	}
	if len(now.Status) == 0 {
		return underWay, fmt.Errorf("read status of test %s: the answer has none", id)
	}
	switch status := now.Status[0].ID; status {
	case "FINISHED":
		return finished, nil
	case "STOP_BY_ERROR", "CANCELED", "UNKNOWN":
		return finished, fmt.Errorf("%w: test %s ended as %s", errTestFailed, id, status)
	}
	return underWay, nil
}

// stop ends a test.
func (n ngrinder) stop(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	u := n.at(id)
	u.RawQuery = "action=stop"
	if err := n.call(ctx, http.MethodPut, u, &json.RawMessage{}); err != nil {
		return fmt.Errorf("stop test %s: %w", id, err)
	}
	return nil
}

// at returns the URL of a path below that of all tests.
func (n ngrinder) at(path ...string) *url.URL {
	return n.server.JoinPath("perftest", "api").JoinPath(path...)
}

// call sends a request without a body and decodes the JSON of its answer into answer.
func (n ngrinder) call(ctx context.Context, method string, u *url.URL, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return err
	}
	req.SetBasicAuth(n.user, n.password)
	var body json.RawMessage
	if err := call(n.client, req, &body); err != nil {
		return err
	}
	var verdict struct {
		Success *bool `json:"success"`
	}
	if err := json.Unmarshal(body, &verdict); err == nil && verdict.Success != nil && !*verdict.Success {
		return fmt.Errorf("the server reports no success: %s", shown(body))
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return fmt.Errorf("decode answer: %w: %s", err, shown(body))
	}
	return nil
}
