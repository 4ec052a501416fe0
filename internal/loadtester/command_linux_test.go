package loadtester

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ended is what became of a command.
type ended struct {
	Output string
	Err    string
}

func endedWith(printed string, err error) ended {
	if err == nil {
		return ended{Output: printed}
	}
	return ended{printed, err.Error()}
}

// alive returns those of the process ids, separated by white space, that still exist, zombies included.
func alive(t *testing.T, ids string) []int {
	t.Helper()
	var found []int
	for _, id := range strings.Fields(ids) {
		pid, err := strconv.Atoi(id)
		if err != nil {
			t.Fatalf("%q is no list of process ids", ids)
		}
		if syscall.Kill(pid, 0) == nil {
			found = append(found, pid)
		}
	}
	return found
}

// kill ends a process that the command under test left behind.
func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

func TestExecute(t *testing.T) {
	cases := map[string]struct {
		reason string
		script string
		want   ended
	}{
		"Nothing":  {"Silence is success.", "", ended{}},
		"Combined": {"Both outputs are one, in order.", "echo one; echo two >&2; echo three", ended{Output: "one\ntwo\nthree\n"}},
		"Status":   {"The status is told.", "echo no; exit 3", ended{"no\n", "exit status 3"}},
		"Signal":   {"So is a signal.", "kill -USR1 $$", ended{"", "signal: user defined signal 1"}},
		"Input":    {"There is nothing to read.", "cat; echo end", ended{Output: "end\n"}},
		"Silenced": {"A command may close its output and go on.", "exec >&- 2>&-; exit 4", ended{"", "exit status 4"}},
		"Pipe":     {"Its processes share one output.", "echo a | cat; (echo b)", ended{Output: "a\nb\n"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := endedWith(execute(t.Context(), "bash", "-c", tc.script))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestExecuteCannotStart(t *testing.T) {
	got := endedWith(execute(t.Context(), "no-such-program"))
	if want := (ended{"", `exec: "no-such-program": executable file not found in $PATH`}); got != want {
		t.Errorf("got %v", got)
	}
	if got := endedWith(execute(t.Context(), "bash", "-c", "a\x00b")); !strings.HasSuffix(got.Err, "invalid argument") {
		t.Errorf("got %v", got)
	}
	over, cancel := context.WithCancelCause(t.Context())
	cancel(errStopping)
	if got := endedWith(execute(over, "bash", "-c", "echo ran")); got != (ended{"", errStopping.Error()}) {
		t.Errorf("got %v", got)
	}
}

func TestExecuteWaitsForWhoeverMayStillPrint(t *testing.T) {
	release := newFIFO(t)
	done := make(chan ended)
	go func() {
		done <- endedWith(execute(t.Context(), "bash", "-c", "echo early; { read _ <"+release.path+"; echo late; } &"))
	}()
	release.write()
	if got := <-done; got != (ended{Output: "early\nlate\n"}) {
		t.Errorf("two load generators may run beside each other: got %v", got)
	}
}

func TestExecuteLeavesDaemonsAlone(t *testing.T) {
	printed, err := execute(t.Context(), "bash", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!")
	if err != nil {
		t.Fatal(err)
	}
	left := alive(t, printed)
	if len(left) != 1 {
		t.Fatalf("who closes the output may go on; left are %v of %s", left, printed)
	}
	kill(t, left[0])
}

// A script writes the ids of its processes to the FIFO given as $1, then it stays.
const (
	family    = `sleep 1000 & a=$!; (sleep 1000; :) & b=$!; echo $$ $a $b >"$1"; wait`
	deaf      = `trap '' TERM; sleep 1000 & echo $$ $! >"$1"; wait; sleep 1000`
	tidy      = `trap 'echo tidied; exit 3' TERM; sleep 1000 & echo $$ $! >"$1"; wait`
	orphaning = `exec 3>"$1"; sleep 1000 3>&- & echo $! >&3; echo left` // the FIFO ends with the leader
	silent    = `exec >/dev/null 2>&1; echo $$ >"$1"; sleep 1000`
)

// cut runs a script until it has told its process ids, ends its context with cause and returns what became of it.
func cut(t *testing.T, script string, cause error) (got ended, ids string) {
	t.Helper()
	told := newFIFO(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan ended)
	go func() { done <- endedWith(execute(ctx, "bash", "-c", script, "bash", told.path)) }()
	ids = told.read()
	cancel(cause)
	return <-done, ids
}

func TestExecuteEndsTheWholeGroup(t *testing.T) {
	cases := map[string]struct {
		reason string
		script string
		cause  error
		want   ended
	}{
		"TimeOut":       {"Over time, all are killed.", family, context.DeadlineExceeded, ended{"", "signal: killed"}},
		"TimeOutDeaf":   {"Nobody is asked first.", tidy, context.DeadlineExceeded, ended{"", "signal: killed"}},
		"Orphans":       {"The leader may have gone before.", orphaning, context.DeadlineExceeded, ended{"left\n", "context deadline exceeded"}},
		"Silent":        {"The output may be closed already.", silent, context.DeadlineExceeded, ended{"", "signal: killed"}},
		"Cancelled":     {"Who is no longer wanted ends as well.", family, context.Canceled, ended{"", "signal: terminated"}},
		"CancelledTidy": {"They may tidy up.", tidy, context.Canceled, ended{"tidied\n", "exit status 3"}},
		"CancelledDeaf": {"They must not take too long.", deaf, context.Canceled, ended{"", "signal: killed"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ids := cut(t, tc.script, tc.cause)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if left := alive(t, ids); left != nil {
				t.Errorf("%s\nof the processes %s there are left %v", tc.reason, strings.TrimSpace(ids), left)
			}
		})
	}
}

func TestExecuteDoesNotWaitForThoseWhoLeft(t *testing.T) {
	got, ids := cut(t, `setsid bash -c 'echo $$ >"$0"; exec sleep 1000' "$1" & wait`, context.DeadlineExceeded)
	if got != (ended{"", "signal: killed"}) {
		t.Errorf("got %v", got)
	}
	left := alive(t, ids)
	if len(left) != 1 {
		t.Fatalf("who leaves the group is left alone; left are %v of %s", left, ids)
	}
	kill(t, left[0])
}

func TestOutcomes(t *testing.T) {
	over := func(cause error) context.Context {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		return ctx
	}
	broken := errors.New("exit status 1")
	cases := map[string]struct {
		reason string
		ctx    context.Context
		err    error
		want   outcome
	}{
		"Succeeded": {"All is well.", t.Context(), nil, succeeded},
		"JustDone":  {"Who succeeds at the last moment succeeds.", over(context.DeadlineExceeded), nil, succeeded},
		"Failed":    {"The task's own fault.", t.Context(), broken, failed},
		"TimedOut":  {"It took too long.", over(context.DeadlineExceeded), broken, timedOut},
		"Stopped":   {"Nobody wants it any more.", over(context.Canceled), broken, stopped},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := outcomeOf(tc.ctx, tc.err); got != tc.want {
				t.Errorf("%s\ngot %s", tc.reason, got)
			}
		})
	}
}
