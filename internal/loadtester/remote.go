package loadtester

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// callTimeout limits one call of another server.
	callTimeout = 30 * time.Second
	// answerLimit is how much of an answer is read, shownLimit how much of it an error shows, in bytes.
	answerLimit = 1 << 20
	shownLimit  = 512
)

// parseServer returns the base URL of another server.
func parseServer(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("it must begin with http:// or https:// and a host")
	}
	return u, nil
}

// call sends req and decodes the JSON of a successful answer into answer.
func call(client *http.Client, req *http.Request, answer any) error {
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("status %d %s: %s", resp.StatusCode, http.StatusText(resp.StatusCode), shown(body))
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return fmt.Errorf("decode answer: %w: %s", err, shown(body))
	}
	return nil
}

// shown returns the beginning of an answer.
func shown(body []byte) string {
	return strings.ToValidUTF8(string(body[:min(len(body), shownLimit)]), "")
}

// progress is how far work on another server has come.
type progress int

const (
	underWay progress = iota
	finished
)

// poll asks, at once and then after each interval, until the work has finished, asking fails, or ctx ends; then the
// error is the cause.
func poll(ctx context.Context, interval time.Duration, ask func(context.Context) (progress, error)) error {
	for {
		state, err := ask(ctx)
		if err != nil || state == finished {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(interval):
		}
	}
}
