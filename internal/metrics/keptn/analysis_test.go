package keptn

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/internal/metrics/metricstest"
)

// cluster is an API server that holds one analysis, and the Keptn that completes it.
type cluster struct {
	// states are the status of the analysis, one for each time it is read; the last one stays.
	states []string
	// refused is the method that is refused, if any.
	refused string

	mu    sync.Mutex
	calls []string
	spec  map[string]any
	name  string
}

// path is the one of the analyses in a namespace.
const path = "/apis/metrics.keptn.sh/v1beta1/namespaces/podtato/analyses"

// ServeHTTP answers one request.
func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, r.Method)
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.Method == c.refused:
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "you may not", "code": 403}`))
		return
	case r.Method == http.MethodPost && r.URL.Path == path:
		c.create(r)
	case r.URL.Path != path+"/"+c.name:
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "not found", "reason": "NotFound", "code": 404}`))
		return
	}
	object := map[string]any{
		"apiVersion": "metrics.keptn.sh/v1beta1", "kind": "Analysis",
		"metadata": map[string]any{"name": c.name, "namespace": "podtato"},
		"spec":     c.spec, "status": json.RawMessage(c.states[0]),
	}
	if r.Method == http.MethodGet && len(c.states) > 1 {
		c.states = c.states[1:]
	}
	_ = json.NewEncoder(w).Encode(object) // a client that hung up is the client's test
}

func (c *cluster) create(r *http.Request) {
	var created struct {
		Metadata struct{ Name string }
		Spec     map[string]any
	}
	_ = json.NewDecoder(r.Body).Decode(&created) // an empty name is what the test sees
	c.name, c.spec = created.Metadata.Name, created.Spec
}

// ask runs an analysis in c, for which Keptn has no more than patience.
func (c *cluster) ask(t *testing.T, patience time.Duration, query string) (float64, error) {
	t.Helper()
	server := httptest.NewServer(c)
	defer server.Close()
	p := provider(t, server.URL)
	p.poll, p.patience = time.Millisecond, patience
	return p.Query(t.Context(), query)
}

func TestAnalysis(t *testing.T) {
	const (
		never   = `{"state": "Progressing"}`
		passed  = `{"state": "Completed", "pass": true}`
		twice   = http.MethodGet + " " + http.MethodGet
		timeout = "encountered timeout while waiting for Keptn Analysis podtato/slo to be finished"
	)
	cases := map[string]struct {
		reason, refused string
		states          []string
		patience        time.Duration
		want            float64
		verdict         metricstest.Verdict
		text, calls     string
	}{
		"Passes": {
			reason: "An analysis is waited for.", states: []string{`null`, passed}, patience: time.Minute,
			want: 1, verdict: metricstest.Value, calls: "POST " + twice + " DELETE",
		},
		"Fails": {
			reason: "One that does not pass is 0.", states: []string{`{"state": "Completed", "pass": false}`}, patience: time.Minute,
			want: 0, verdict: metricstest.Value, calls: "POST GET DELETE",
		},
		"Never": {
			reason: "One that takes too long tells nothing, and is removed.", states: []string{never}, patience: 20 * time.Millisecond,
			verdict: metricstest.ProviderError, text: timeout,
		},
		"OtherShape": {
			reason: "What is no status of an analysis tells nothing.", states: []string{`{"state": "Completed", "pass": "yes"}`}, patience: time.Minute,
			verdict: metricstest.ProviderError, text: "status.pass is not a bool", calls: "POST GET DELETE",
		},
		"NotCreated": {
			reason: "The operator may not be allowed to.", states: []string{never}, refused: http.MethodPost, patience: time.Minute,
			verdict: metricstest.ProviderError, text: "create Analysis podtato/slo: you may not", calls: "POST DELETE",
		},
		"NotRead": {
			reason: "What cannot be read is removed.", states: []string{never}, refused: http.MethodGet, patience: time.Minute,
			verdict: metricstest.ProviderError, text: "get Analysis podtato/slo: you may not", calls: "POST GET DELETE",
		},
		"NotRemoved": {
			reason: "Analyses that pile up are not passed over in silence.", states: []string{passed}, refused: http.MethodDelete, patience: time.Minute,
			verdict: metricstest.ProviderError, text: "delete Analysis podtato/slo: you may not", calls: "POST GET DELETE",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := &cluster{states: tc.states, refused: tc.refused}
			got, err := c.ask(t, tc.patience, "analysis/podtato/slo")
			if got != tc.want || metricstest.VerdictOn(err) != tc.verdict || err != nil && err.Error() != tc.text {
				t.Errorf("%s\nQuery(...): want %v with %s, %q, got %v, %v", tc.reason, tc.want, tc.verdict, tc.text, got, err)
			}
			if calls := strings.Join(c.calls, " "); tc.calls != "" && calls != tc.calls || !strings.HasSuffix(calls, "DELETE") {
				t.Errorf("%s\nrequests: want %s, got %s", tc.reason, tc.calls, calls)
			}
		})
	}
}

func TestAnalysisAsMade(t *testing.T) {
	c := &cluster{states: []string{`{"state": "Completed"}`}}
	if _, err := c.ask(t, time.Minute, "analysis/podtato/slo/5m/project=Mine"); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"analysisDefinition": map[string]any{"name": "slo"},
		"timeframe":          map[string]any{"recent": "5m"},
		"args":               map[string]any{"project": "Mine"},
	}
	if diff := cmp.Diff(want, c.spec); diff != "" {
		t.Errorf("An analysis says what the query says: -want +got\n%s", diff)
	}
	if !regexp.MustCompile(`^slo-[a-z0-9]{6}$`).MatchString(c.name) {
		t.Errorf("Every analysis has a name of its own, got %s", c.name)
	}
}

func TestAnalysisIsRemovedAfterTheDeadline(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := &cluster{states: []string{`{}`}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			cancel()
		}
		c.ServeHTTP(w, r)
	}))
	defer server.Close()
	_, err := provider(t, server.URL).Query(ctx, "analysis/podtato/slo")
	if metricstest.VerdictOn(err) != metricstest.ProviderError {
		t.Errorf("An analysis that nobody waits for tells nothing: got %v", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if last := c.calls[len(c.calls)-1]; last != http.MethodDelete {
		t.Errorf("It is removed all the same, but the last request was a %s", last)
	}
}
