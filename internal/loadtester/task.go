package loadtester

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
)

// task is work that was asked for and that can be done.
type task interface {
	// run does the work and returns what it printed, also where it failed. When ctx ends, so does the work.
	run(ctx context.Context) (string, error)
	// String names the task in the log. Tasks of one type and canary are the same if they have the same name.
	String() string
}

// kind is what one value of metadata.type stands for.
type kind struct {
	// prepare reads a task from a payload with metadata. Its error is a refusal.
	prepare func(t *Tester, p payload) (task, error)
	// complain says to the caller, who waits, how a task has failed. Nobody waits for a kind without it.
	complain func(t task, printed string, err error) string
}

// defaultKind is the type of a task that names none.
const defaultKind = "cmd"

// kinds holds every type of task.
var kinds = map[string]kind{
	"cmd":      {prepare: prepareShell("sh")},
	"ngrinder": {prepare: prepareNGrinder},
	"bash":     {prepare: prepareShell("bash"), complain: commandFailed},
	"helm":     {prepare: prepareProgram("helm"), complain: commandFailed},
	"helmv3":   {prepare: prepareProgram("helm"), complain: commandFailed},
	"kubectl":  {prepare: prepareProgram("kubectl"), complain: commandFailed},
	"concord":  {prepare: prepareConcord, complain: processFailed},
}

// handleTask runs the task of a request.
func (t *Tester) handleTask(w http.ResponseWriter, req *http.Request) {
	p, err := t.read(w, req)
	if err != nil {
		t.fail(w, err)
		return
	}
	j, err := t.prepare(p)
	if err != nil {
		t.fail(w, err)
		return
	}
	if j.kind.complain == nil {
		t.start(w, j)
		return
	}
	t.await(req.Context(), w, j)
}

// prepare returns the job that a payload describes. Its error is a refusal.
func (t *Tester) prepare(p payload) (job, error) {
	if len(p.Metadata) == 0 {
		return job{}, refuse("metadata not found in payload")
	}
	name := cmp.Or(p.Metadata["type"], defaultKind)
	k, known := kinds[name]
	if !known {
		return job{}, refuse("unknown task type %.100s", name)
	}
	work, err := k.prepare(t, p)
	if err != nil {
		return job{}, err
	}
	return job{payload: p, kindName: name, kind: k, task: work}, nil
}

// start answers that a task has begun, which is no less true where it had before.
func (t *Tester) start(w http.ResponseWriter, j job) {
	if err := t.runner.start(j); err != nil && !errors.Is(err, errAlreadyRunning) {
		t.fail(w, err)
		return
	}
	answer(w, http.StatusAccepted, "")
}

// await answers with the outcome of a task. The task ends when ctx does, as nobody would hear of it any more.
func (t *Tester) await(ctx context.Context, w http.ResponseWriter, j job) {
	printed, err := t.runner.await(ctx, j)
	switch {
	case errors.Is(err, errBusy), errors.Is(err, errStopping):
		t.fail(w, err)
	case err != nil:
		answer(w, http.StatusInternalServerError, j.kind.complain(j.task, printed, err))
	case j.payload.isSet("returnCmdOutput"):
		answer(w, http.StatusOK, printed)
	default:
		answer(w, http.StatusOK, "")
	}
}

// commandFailed says how a command has failed.
func commandFailed(t task, printed string, err error) string {
	return fmt.Sprintf("command %s failed: %s: %v", t, printed, err)
}
