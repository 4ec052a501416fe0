package loadtester

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"flagger.app/flagger/internal/loadtester/gate"
)

// Options say how a Tester works.
type Options struct {
	// Gates keeps the switches.
	Gates gate.Store
	// TaskLimit is how long a task may take, MostTasks how many may run at a time; both are at least 1.
	TaskLimit time.Duration
	MostTasks int
	// Namespaces matches the namespaces that are served; nil for all. It is the caller who names the namespace.
	Namespaces *regexp.Regexp
	// Token is what a request must carry, as a bearer token or as the password of basic authentication; empty for
	// nothing.
	Token string
	// KeyFolder is where the API keys of type concord must lie; empty for anywhere.
	KeyFolder string
	Log       logr.Logger
	Clock     clock.PassiveClock
}

// Tester answers requests. It is safe for concurrent use.
type Tester struct {
	gates      gate.Store
	namespaces *regexp.Regexp
	token      string
	keyFolder  string
	log        logr.Logger
	clock      clock.PassiveClock
	runner     *runner
	execute    executor
	client     *http.Client
	handler    http.Handler
}

// New returns a Tester. When ctx ends, so do its background tasks, and no task is started any more.
func New(ctx context.Context, o Options) *Tester {
	m := newMetrics()
	t := &Tester{
		gates:      o.Gates,
		namespaces: o.Namespaces,
		token:      o.Token,
		keyFolder:  o.KeyFolder,
		log:        o.Log,
		clock:      o.Clock,
		runner: &runner{
			life: ctx, limit: o.TaskLimit, most: o.MostTasks,
			log: o.Log, clock: o.Clock, metrics: m,
			background: map[identity]struct{}{},
		},
		execute: execute,
		client:  &http.Client{Timeout: callTimeout},
	}
	t.handler = t.endpoints(m.handler())
	return t
}

// ServeHTTP answers one request. Of methods it takes any.
func (t *Tester) ServeHTTP(w http.ResponseWriter, req *http.Request) { t.handler.ServeHTTP(w, req) }

// Wait returns once no task is running. From then on none is started.
func (t *Tester) Wait() { t.runner.wait() }

// endpoints returns everything that is served.
func (t *Tester) endpoints(metrics http.Handler) http.Handler {
	guarded := http.NewServeMux()
	guarded.HandleFunc("/gate/approve", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "OK") })
	guarded.HandleFunc("/gate/halt", func(w http.ResponseWriter, _ *http.Request) { forbid(w) })
	for _, kind := range []gate.Kind{gate.Advance, gate.Rollback} {
		guarded.HandleFunc("/"+string(kind)+"/check", t.handleSwitch(kind, t.checkSwitch))
		guarded.HandleFunc("/"+string(kind)+"/open", t.handleSwitch(kind, t.openSwitch))
		guarded.HandleFunc("/"+string(kind)+"/close", t.handleSwitch(kind, t.closeSwitch))
	}
	guarded.HandleFunc("/", t.handleTask)

	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "OK") })
	mux.Handle("/metrics", metrics)
	mux.Handle("/", t.guard(guarded))
	return mux
}

// guard lets those through who know the token.
func (t *Tester) guard(next http.Handler) http.Handler {
	if t.token == "" {
		return next
	}
	want := sha256.Sum256([]byte(t.token))
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		// A webhook has no headers of its own, but its URL may be http://:token@host.
		_, presented, ok := req.BasicAuth()
		if !ok {
			presented, _ = strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
		}
		got := sha256.Sum256([]byte(presented))
		if subtle.ConstantTimeCompare(got[:], want[:]) == 0 {
			answer(w, http.StatusUnauthorized, "Unauthorized")
			return
		}
		next.ServeHTTP(w, req)
	})
}

// fail answers a request that could not be carried out, and tells the log what is not the caller's doing.
func (t *Tester) fail(w http.ResponseWriter, err error) {
	status := statusOf(err)
	if status >= http.StatusInternalServerError {
		t.log.Error(nil, err.Error())
	}
	answer(w, status, err.Error())
}

// statusOf returns the status of the answer to a request that failed with err.
func statusOf(err error) int {
	var r refusal
	switch {
	case errors.As(err, &r):
		return r.status
	case errors.Is(err, gate.ErrInvalidKey):
		return http.StatusBadRequest
	case errors.Is(err, gate.ErrFull):
		return http.StatusInsufficientStorage
	case errors.Is(err, errBusy), errors.Is(err, errStopping):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func forbid(w http.ResponseWriter) { answer(w, http.StatusForbidden, "Forbidden") }

// answer writes a status and plain text, to the letter.
func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // the caller may have gone
}
