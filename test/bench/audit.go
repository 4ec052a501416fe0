//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"flagger.app/flagger/test/lab"
)

// requests counts what the API server received from the operator.
type requests struct {
	Counted int             // without the two below
	Leases  int             // of the leader election
	Watches int             // opened; clients renew each after five to ten minutes
	Kinds   map[string]int  // the counted ones by verb and resource
	Took    []time.Duration // the API server for each of the counted ones, in the order of its answers
}

// Stages of a request, each a line of the audit log.
const (
	arrival = "RequestReceived"
	answer  = "ResponseComplete"
)

// audit counts the requests that were received from one time on, and before another. The API server turns to a new file
// every 100 MB and renames the old one, so all files are read.
func audit(state lab.State, from, to time.Time) (requests, error) {
	counts := requests{Kinds: map[string]int{}}
	folder, name := filepath.Split(state.AuditLog())
	extension := filepath.Ext(name)
	files, err := filepath.Glob(filepath.Join(folder, name[:len(name)-len(extension)]+"*"+extension))
	if err != nil {
		return counts, fmt.Errorf("find the audit log: %w", err)
	}
	for _, file := range files {
		if err := counts.read(file, from, to); err != nil {
			return counts, fmt.Errorf("read %s: %w", file, err)
		}
	}
	return counts, nil
}

// read adds the requests of one file, unless it ends before from.
func (c *requests) read(file string, from, to time.Time) error {
	log, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	about, err := log.Stat()
	if err != nil || about.ModTime().Before(from) {
		return err
	}
	return c.parse(log, from, to)
}

// parse adds the requests of the lines of a log. The last may still be written to.
func (c *requests) parse(log io.Reader, from, to time.Time) error {
	lines := bufio.NewReaderSize(log, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := c.add(line, from, to); err != nil {
			return err
		}
	}
}

func (c *requests) add(line []byte, from, to time.Time) error {
	var entry struct {
		Stage     string    `json:"stage"`
		Verb      string    `json:"verb"`
		URI       string    `json:"requestURI"`
		Received  time.Time `json:"requestReceivedTimestamp"`
		Staged    time.Time `json:"stageTimestamp"`
		ObjectRef *struct {
			Resource    string `json:"resource"`
			Subresource string `json:"subresource"`
		} `json:"objectRef"`
	}
	if err := json.Unmarshal(line, &entry); err != nil {
		return fmt.Errorf("decode an entry: %w", err)
	}
	if entry.Received.Before(from) || !entry.Received.Before(to) {
		return nil
	}
	resource := entry.URI
	if ref := entry.ObjectRef; ref != nil {
		resource = ref.Resource
		if ref.Subresource != "" {
			resource += "/" + ref.Subresource
		}
	}
	isLease, isWatch := resource == "leases", entry.Verb == "watch"
	switch isArrival := entry.Stage == arrival; {
	case isArrival && isLease:
		c.Leases++
	case isArrival && isWatch:
		c.Watches++
	case isArrival:
		c.Counted++
		c.Kinds[entry.Verb+" "+resource]++
	case entry.Stage == answer && !isLease && !isWatch:
		c.Took = append(c.Took, entry.Staged.Sub(entry.Received))
	}
	return nil
}
