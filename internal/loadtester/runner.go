package loadtester

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
)

// Errors of a task that is not run. The caller may try again later.
var (
	errAlreadyRunning = errors.New("the same task is already running")
	errBusy           = errors.New("too many tasks are running")
	errStopping       = errors.New("the load tester is shutting down")
)

// job is a task and what is known of it.
type job struct {
	payload  payload
	kindName string
	kind     kind
	task     task
}

// identity tells background tasks apart.
type identity struct{ canary, kind, task string }

func (j job) identity() identity { return identity{j.payload.canary(), j.kindName, j.task.String()} }

// runner runs tasks, so many at a time.
type runner struct {
	// life ends the tasks that nobody waits for.
	life    context.Context
	limit   time.Duration
	most    int
	log     logr.Logger
	clock   clock.PassiveClock
	metrics *metrics

	mu         sync.Mutex
	stopped    bool
	running    int
	background map[identity]struct{}
	all        sync.WaitGroup
}

// start runs j in the background, unless the same is running already.
func (r *runner) start(j job) error {
	id := j.identity()
	err := r.admit(&id)
	switch {
	case errors.Is(err, errAlreadyRunning):
		r.metrics.count(j.kindName, skipped)
		r.logFor(j).Info(fmt.Sprintf("command skipped %s is already running", j.task))
		return err
	case err != nil:
		r.metrics.count(j.kindName, refused)
		return err
	}
	go func() {
		defer r.release(&id)
		_, _ = r.run(r.life, j) // logged and counted
	}()
	return nil
}

// await runs j and returns what it printed, also where it failed.
func (r *runner) await(ctx context.Context, j job) (string, error) {
	if err := r.admit(nil); err != nil {
		r.metrics.count(j.kindName, refused)
		return "", err
	}
	defer r.release(nil)
	return r.run(ctx, j)
}

// wait returns once no task is running. From then on none is started.
func (r *runner) wait() {
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	r.all.Wait()
}

// admit makes room for a task; id is that of one in the background, else nil.
func (r *runner) admit(id *identity) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped || r.life.Err() != nil {
		return errStopping
	}
	if id != nil {
		if _, found := r.background[*id]; found {
			return errAlreadyRunning
		}
	}
	if r.running >= r.most {
		return errBusy
	}
	if id != nil {
		r.background[*id] = struct{}{}
	}
	r.running++
	r.all.Add(1)
	return nil
}

// release undoes admit.
func (r *runner) release(id *identity) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if id != nil {
		delete(r.background, *id)
	}
	r.running--
	r.all.Done()
}

// run runs j within the time limit, and tells the log and the metrics how it went.
func (r *runner) run(ctx context.Context, j job) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	log := r.logFor(j)
	log.Info(fmt.Sprintf("task starting %s", j.task))
	defer r.metrics.measure(j.kindName, r.clock)()

	printed, err := j.task.run(ctx)
	o := outcomeOf(ctx, err)
	r.metrics.count(j.kindName, o)
	switch {
	case o == succeeded && (j.kind.complain != nil || j.payload.isSet("logCmdOutput")):
		log.Info(fmt.Sprintf("command finished %s", j.task), "output", printed)
	case o == succeeded:
		log.Info(fmt.Sprintf("command finished %s", j.task))
	case o == stopped:
		log.Info(fmt.Sprintf("command stopped %s", j.task), "output", printed)
	default:
		log.Error(nil, fmt.Sprintf("command failed %s %v %s", j.task, err, printed))
	}
	return printed, err
}

func (r *runner) logFor(j job) logr.Logger { return r.log.WithValues("canary", j.payload.canary()) }
