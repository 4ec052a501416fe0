//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/test/lab"
)

func TestAudit(t *testing.T) {
	entry := func(second int, stage, verb, ref string) string {
		return fmt.Sprintf(`{"stage":%q,"verb":%q,"requestURI":"/openapi/v3","requestReceivedTimestamp":"2026-01-01T00:00:%02d.000000Z",`+
			`"stageTimestamp":"2026-01-01T00:00:%02d.250000Z"%s}`+"\n", stage, verb, second, second, ref)
	}
	const (
		status = `,"objectRef":{"resource":"canaries","subresource":"status"}`
		lease  = `,"objectRef":{"resource":"leases"}`
	)
	cases := map[string]struct {
		reason string
		old    string // what was rotated away
		log    string
		want   requests
	}{
		"Counts": {
			reason: "Each request counts once, when it arrives, and tells in the end how long it took; leases and watches count apart.",
			log: entry(10, arrival, "patch", status) + entry(10, answer, "patch", status) +
				entry(11, arrival, "patch", status) + entry(12, arrival, "update", lease) + entry(13, arrival, "watch", status) +
				entry(12, answer, "update", lease) + entry(14, answer, "watch", status),
			want: requests{
				Counted: 2, Leases: 1, Watches: 1, Kinds: map[string]int{"patch canaries/status": 2}, Took: []time.Duration{250 * time.Millisecond},
			},
		},
		"Window": {
			reason: "The first instant of the window belongs to it, the last does not.",
			log:    entry(9, arrival, "patch", status) + entry(10, arrival, "get", status) + entry(20, arrival, "patch", status),
			want:   requests{Counted: 1, Kinds: map[string]int{"get canaries/status": 1}},
		},
		"Rotated": {
			reason: "A window may lie in several files.",
			old:    entry(10, arrival, "get", status),
			log:    entry(11, arrival, "get", status),
			want:   requests{Counted: 2, Kinds: map[string]int{"get canaries/status": 2}},
		},
		"Unfinished": {
			reason: "A line without an end is being written and is not read.",
			log:    entry(10, arrival, "get", status) + entry(11, arrival, "get", status)[:40],
			want:   requests{Counted: 1, Kinds: map[string]int{"get canaries/status": 1}},
		},
		"NoObject": {
			reason: "What is about no object is told by its address.",
			log:    entry(10, arrival, "get", ""),
			want:   requests{Counted: 1, Kinds: map[string]int{"get /openapi/v3": 1}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			for file, content := range map[string]string{"audit-2026-01-01T00-00-10.000.log": tc.old, "audit.log": tc.log} {
				if err := os.WriteFile(filepath.Join(folder, file), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			from := time.Date(2026, 1, 1, 0, 0, 10, 0, time.UTC)
			got, err := audit(lab.State(folder), from, from.Add(10*time.Second))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestAuditIsNotGuessed(t *testing.T) {
	folder := t.TempDir()
	broken := arrival + " no JSON\n"
	if err := os.WriteFile(filepath.Join(folder, "audit.log"), []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := audit(lab.State(folder), time.Time{}, time.Now()); err == nil {
		t.Errorf("a log that cannot be read is an error, got %v", got)
	}
}
