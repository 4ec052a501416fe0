//go:build linux

package program

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"testing"
)

func TestExitCode(t *testing.T) {
	cut, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		reason string
		ctx    context.Context
		err    error
		want   int
		stdout string
		stderr string
	}{
		"Done":        {"Nothing is to be told.", t.Context(), nil, 0, "", ""},
		"Failed":      {"An error is told once, by the program's name.", t.Context(), errors.New("no lab"), 1, "", "soak: no lab\n"},
		"Misused":     {"The flag set has told why.", t.Context(), Usage(errors.New("no such flag")), 2, "", ""},
		"Help":        {"Whoever asks for help has got what they wanted.", t.Context(), Usage(flag.ErrHelp), 0, "", ""},
		"Interrupted": {"What was cut short is no failure of its own.", cut, context.Canceled, 130, "\nsoak: interrupted; nothing is left running\n", ""},
		"InTime":      {"A signal at the very end is one, too.", cut, nil, 130, "\nsoak: interrupted; nothing is left running\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if got := exitCode(test.ctx, "soak", test.err, &stdout, &stderr); got != test.want {
				t.Errorf("%s exit code %d, want %d", test.reason, got, test.want)
			}
			if stdout.String() != test.stdout || stderr.String() != test.stderr {
				t.Errorf("%s stdout %q, stderr %q", test.reason, &stdout, &stderr)
			}
		})
	}
}
