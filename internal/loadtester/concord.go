package loadtester

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// concordInterval and concordTimeout are for a process that says nothing else, in seconds.
	concordInterval = 5
	concordTimeout  = 30
	// concordLongest is the largest number of seconds of either.
	concordLongest = 24 * 60 * 60
	// keyLimit is the size of the largest file that is taken for an API key, in bytes.
	keyLimit = 64 << 10
)

// concord is a task of type concord: a process of a Concord server, https://concord.walmartlabs.com, that is started and
// watched until it ends.
type concord struct {
	client *http.Client
	server *url.URL
	// key goes into the header Authorization.
	key string
	// fields are the form that describes the process.
	fields            [][2]string
	interval, timeout time.Duration
}

// prepareConcord reads a process. Unlike other types it refuses with status 500.
func prepareConcord(t *Tester, p payload) (task, error) {
	c, err := t.readConcord(p.Metadata)
	if err != nil {
		return nil, refusal{http.StatusInternalServerError, err.Error()}
	}
	return c, nil
}

func (t *Tester) readConcord(m map[string]string) (concord, error) {
	for _, key := range []string{"server", "org", "project", "repo", "entrypoint", "apiKeyPath", "endpoint"} {
		if m[key] == "" {
			return concord{}, fmt.Errorf("`%s` is required with type concord", key)
		}
	}
	if _, found := m["arguments.endpoint"]; found {
		return concord{}, errors.New("You cannot override Endpoint through arguments. You must override Endpoint directly")
	}
	server, err := parseServer(m["server"])
	if err != nil {
		return concord{}, fmt.Errorf("invalid url: %s: %w", m["server"], err)
	}
	key, err := readKey(t.keyFolder, m["apiKeyPath"])
	if err != nil {
		return concord{}, err
	}
	interval, err := seconds(m, "pollInterval", concordInterval)
	if err != nil {
		return concord{}, err
	}
	timeout, err := seconds(m, "pollTimeout", concordTimeout)
	if err != nil {
		return concord{}, err
	}
	return concord{t.client, server, key, concordFields(m), interval, timeout}, nil
}

// concordFields returns the form that starts the process of m.
func concordFields(m map[string]string) [][2]string {
	fields := [][2]string{
		{"org", m["org"]}, {"project", m["project"]}, {"repo", m["repo"]}, {"entryPoint", m["entrypoint"]},
		{"arguments.endpoint", m["endpoint"]},
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if strings.HasPrefix(key, "arguments.") {
			fields = append(fields, [2]string{key, m[key]})
		}
	}
	return fields
}

// seconds returns the value of a key that holds a number of seconds.
func seconds(m map[string]string, key string, otherwise int) (time.Duration, error) {
	n := otherwise
	if text, found := m[key]; found {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 1 || n > concordLongest {
			return 0, fmt.Errorf("`%s` must be a whole number of seconds from 1 to %d", key, concordLongest)
		}
	}
	return time.Duration(n) * time.Second, nil
}

// readKey returns the content of a file, which must lie in folder unless that is empty. It takes nothing but ordinary
// files that could hold a key: whoever names the file chooses the server that gets to see it, too.
func readKey(folder, path string) (string, error) {
	file, err := openKey(folder, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("`apiKeyPath` file doesn't exist %s", path)
	case err != nil:
		return "", fmt.Errorf("open `apiKeyPath`: %w", err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return "", fmt.Errorf("read `apiKeyPath`: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() == 0 || info.Size() > keyLimit {
		return "", fmt.Errorf("`apiKeyPath` is no file of 1 to %d bytes: %s", keyLimit, path)
	}
	key, err := io.ReadAll(io.LimitReader(file, keyLimit))
	if err != nil {
		return "", fmt.Errorf("read `apiKeyPath`: %w", err)
	}
	return strings.TrimRight(string(key), "\r\n"), nil // a header cannot hold them
}

// openKey opens a file without waiting for anybody to write to it. A relative path begins at folder.
func openKey(folder, path string) (*os.File, error) {
	const flags = os.O_RDONLY | syscall.O_NONBLOCK
	if folder == "" {
		return os.OpenFile(path, flags, 0)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	if filepath.IsAbs(path) {
		if path, err = filepath.Rel(folder, path); err != nil {
			return nil, err
		}
	}
	return root.OpenFile(path, flags, 0)
}

// String names the process by where it comes from.
func (c concord) String() string {
	return fmt.Sprintf("concord process %s/%s/%s", c.fields[0][1], c.fields[1][1], c.fields[2][1])
}

// processFailed says how a process has failed.
func processFailed(_ task, _ string, err error) string { return err.Error() }

func (c concord) run(ctx context.Context) (string, error) {
	id, err := c.start(ctx)
	if err != nil {
		return "", fmt.Errorf("start concord process: %w", err)
	}
	timeout := fmt.Errorf("concord process timed out, after %d seconds", int(c.timeout/time.Second))
	limited, cancel := context.WithTimeoutCause(ctx, c.timeout, timeout)
	defer cancel()
	err = poll(limited, c.interval, func(ctx context.Context) (progress, error) { return c.look(ctx, id) })
	if limited.Err() != nil && err != nil {
		return "", context.Cause(limited)
	}
	return "", err
}

// start starts the process and returns its number.
func (c concord) start(ctx context.Context) (string, error) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for _, field := range c.fields {
		if err := w.WriteField(field[0], field[1]); err != nil {
			return "", fmt.Errorf("encode form: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("encode form: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.server.JoinPath("api", "v1", "process").String(), &form)
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	req.Header.Set("Authorization", c.key)
	var begun struct {
		ID string `json:"instanceId"`
	}
	if err := call(c.client, req, &begun); err != nil {
		return "", err
	}
	if begun.ID == "" {
		return "", errors.New("the answer has no instanceId")
	}
	return begun.ID, nil
}

// look asks how the process gets on.
func (c concord) look(ctx context.Context, id string) (progress, error) {
	u := c.server.JoinPath("api", "v1", "process", url.PathEscape(id))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return underWay, err
	}
	req.Header.Set("Authorization", c.key)
	var now struct {
		Status string `json:"status"`
	}
	if err := call(c.client, req, &now); err != nil {
		return underWay, fmt.Errorf("read status of concord instanceID: %s: %w", id, err)
	}
	switch now.Status {
	case "FINISHED":
		return finished, nil
	case "FAILED":
		return finished, fmt.Errorf("concord instanceID: %s failed", id)
	case "CANCELLED", "TIMED_OUT":
		return finished, fmt.Errorf("concord instanceID: %s failed: %s", id, now.Status)
	}
	return underWay, nil
}
