package loadtester

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"k8s.io/utils/clock"

	"flagger.app/flagger/internal/loadtester/gate"
)

// journal is a log that tests can read.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) write(_, line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

// has reports whether a line holds text.
func (j *journal) has(text string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Contains(strings.Join(j.lines, "\n"), text)
}

// option changes how a Tester works.
type option func(*Options)

// start returns a Tester with a journal, all of whose tasks have ended when the test has.
func start(t testing.TB, options ...option) (*Tester, *journal) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	tester, j := startWithin(ctx, options...)
	t.Cleanup(func() {
		cancel()
		tester.Wait()
	})
	return tester, j
}

// startWithin returns a Tester with a journal whose background tasks end with ctx.
func startWithin(ctx context.Context, options ...option) (*Tester, *journal) {
	j := &journal{}
	o := Options{
		Gates: &gate.Memory{}, TaskLimit: time.Hour, MostTasks: 1000,
		Log: funcr.New(j.write, funcr.Options{}), Clock: clock.RealClock{},
	}
	for _, apply := range options {
		apply(&o)
	}
	return New(ctx, o), j
}

// says is an answer.
type says struct {
	Status int
	Body   string
}

// ask posts body to a path.
func ask(h http.Handler, path, body string) says {
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
	return says{recorder.Code, recorder.Body.String()}
}

// about is a payload about podinfo in the namespace test, with metadata given as keys and values.
func about(metadata ...string) string {
	m := map[string]string{}
	for i := 0; i < len(metadata); i += 2 {
		m[metadata[i]] = metadata[i+1]
	}
	body, err := json.Marshal(payload{Name: "podinfo", Namespace: "test", Metadata: m})
	if err != nil {
		panic(err)
	}
	return string(body)
}

// fifo is a pipe with a name, through which a command tells how far it is and is told to go on.
type fifo struct {
	t    *testing.T
	path string
}

func newFIFO(t *testing.T) fifo {
	t.Helper()
	f := fifo{t, filepath.Join(t.TempDir(), "fifo")}
	if err := syscall.Mkfifo(f.path, 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// read waits for somebody to write and returns everything up to the end.
func (f fifo) read() string {
	f.t.Helper()
	content, err := os.ReadFile(f.path)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(content)
}

// write waits for somebody to read and writes a line.
func (f fifo) write() {
	f.t.Helper()
	if err := os.WriteFile(f.path, []byte("go\n"), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// scrape returns the metrics of a Tester.
func scrape(h http.Handler) string {
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	body, _ := io.ReadAll(recorder.Body)
	return string(body)
}
