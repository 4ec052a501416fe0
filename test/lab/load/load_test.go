package load_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/test/lab/load"
	"flagger.app/flagger/test/lab/podserver"
)

// reply answers with status as an app of that version does, or as something on the way where version is empty.
func reply(version string, status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if version != "" {
			w.Header().Set(podserver.VersionHeader, version)
			if status >= http.StatusInternalServerError {
				w.Header().Set(podserver.FaultHeader, podserver.FaultApp)
			}
		}
		w.WriteHeader(status)
	}
}

// hangUp resets the connection instead of answering.
func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func TestEveryEndIsCountedOnItsSide(t *testing.T) {
	tests := map[string]struct {
		reason string
		answer http.HandlerFunc
		want   load.Counts
	}{
		"Answered": {
			reason: "A good answer is nobody's failure.",
			answer: reply("1.0.0", http.StatusOK),
			want:   load.Counts{Versions: map[string]map[int]int{"1.0.0": {200: 2}}, Broken: map[string]int{}},
		},
		"FailedByTheApp": {
			reason: "A bad release fails requests on purpose; that is not the platform's doing.",
			answer: reply("1.0.1-err100", http.StatusInternalServerError),
			want:   load.Counts{Versions: map[string]map[int]int{"1.0.1-err100": {500: 2}}, Broken: map[string]int{}, App: 2},
		},
		"FailedByTheProxy": {
			reason: "A 502 without the app's mark was made on the way.",
			answer: reply("", http.StatusBadGateway),
			want:   load.Counts{Versions: map[string]map[int]int{"": {502: 2}}, Broken: map[string]int{}, Platform: 2},
		},
		"NoRoute": {
			reason: "A proxy that lost its route answers 404, and the user's request failed all the same.",
			answer: reply("", http.StatusNotFound),
			want:   load.Counts{Versions: map[string]map[int]int{"": {404: 2}}, Broken: map[string]int{}, Platform: 2},
		},
		"NoAnswer": {
			reason: "A connection that ends without an answer counts too.",
			answer: hangUp,
			want:   load.Counts{Versions: map[string]map[int]int{}, Broken: map[string]int{"connection closed": 2}, Platform: 2},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.answer)
			defer server.Close()
			got, err := load.New(load.Options{URL: server.URL, Rate: 1}).Send(t.Context(), 2)
			if err != nil {
				t.Fatal(err)
			}
			test.want.Sent, test.want.Done = 2, 2
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
		})
	}
}

func TestRequestsCarryHostAndHeaders(t *testing.T) {
	var host, user atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		host.Store(r.Host)
		user.Store(r.Header.Get("X-User"))
	}))
	defer server.Close()
	options := load.Options{URL: server.URL, Host: "app.example.com", Header: http.Header{"X-User": {"insider"}}}
	if _, err := load.New(options).Send(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{"app.example.com", "insider"}, []any{host.Load(), user.Load()}); diff != "" {
		t.Errorf("host and header seen by the server (-want +got):\n%s", diff)
	}
}

func TestReuse(t *testing.T) {
	tests := map[string]struct {
		reason string
		reuse  load.Reuse
		want   int64
	}{
		"KeepAlive":         {reason: "One connection carries requests that follow each other.", reuse: load.KeepAlive, want: 1},
		"OneConnectionEach": {reason: "Each request meets the balancer anew.", reuse: load.OneConnectionEach, want: 5},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var opened atomic.Int64
			server := httptest.NewUnstartedServer(reply("1.0.0", http.StatusOK))
			server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					opened.Add(1)
				}
			}
			server.Start()
			defer server.Close()
			if _, err := load.New(load.Options{URL: server.URL, Reuse: test.reuse}).Send(t.Context(), 5); err != nil {
				t.Fatal(err)
			}
			if got := opened.Load(); got != test.want {
				t.Errorf("%d connections, want %d: %s", got, test.want, test.reason)
			}
		})
	}
}

// TestRunIsAnOpenLoop ends the load while no request was answered yet: the requests go out all the same, and Run
// returns only when each of them has ended.
func TestRunIsAnOpenLoop(t *testing.T) {
	const enough = 20
	release, reached := make(chan struct{}), make(chan struct{})
	var arrived atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if arrived.Add(1) == enough {
			close(reached)
		}
		<-release
		reply("1.0.0", http.StatusOK)(w, r)
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	generator := load.New(load.Options{URL: server.URL, Rate: 1000, Timeout: time.Minute})
	ended := make(chan load.Counts)
	go func() {
		counts, err := generator.Run(ctx)
		if err != nil {
			t.Error(err)
		}
		ended <- counts
	}()
	<-reached
	if during := generator.Snapshot(); during.Sent < enough || during.Done != 0 {
		t.Errorf("while nothing is answered: %d sent, %d done; want at least %d and none", during.Sent, during.Done, enough)
	}
	cancel()
	close(release)
	if after := <-ended; after.Sent != after.Done || after.Of("1.0.0") != after.Done || after.Platform != 0 {
		t.Errorf("after the end: %+v; want every request answered", after)
	}
}

func TestSince(t *testing.T) {
	earlier := load.Counts{
		Sent: 10, Done: 8, App: 1, Platform: 1,
		Versions: map[string]map[int]int{"1": {200: 6, 500: 1}}, Broken: map[string]int{"timeout": 1},
	}
	later := load.Counts{
		Sent: 20, Done: 20, App: 2, Platform: 2,
		Versions: map[string]map[int]int{"1": {200: 6, 500: 2}, "2": {200: 10}}, Broken: map[string]int{"timeout": 1, "connection reset": 1},
	}
	want := load.Counts{
		Sent: 10, Done: 12, App: 1, Platform: 1,
		Versions: map[string]map[int]int{"1": {500: 1}, "2": {200: 10}}, Broken: map[string]int{"connection reset": 1},
	}
	if diff := cmp.Diff(want, later.Since(earlier)); diff != "" {
		t.Errorf("counts between two snapshots (-want +got):\n%s", diff)
	}
}

// A server that answers in pairs has never more than two requests before it, though a hundred are due in that time.
func TestAbreastLimitsWhatIsUnderWay(t *testing.T) {
	const pairs = 5
	var present, most atomic.Int64
	arrived, answer := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		most.Store(max(most.Load(), present.Add(1)))
		arrived <- struct{}{}
		<-answer
		present.Add(-1)
	}))
	t.Cleanup(server.Close)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if _, err := load.New(load.Options{URL: server.URL, Rate: 10_000, Abreast: 2}).Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	for range pairs {
		<-arrived
		<-arrived
		answer <- struct{}{}
		answer <- struct{}{}
	}
	stop()
	go func() {
		for range arrived { // of those that started before the end
		}
	}()
	close(answer)
	<-ended
	close(arrived)
	if most.Load() != 2 {
		t.Errorf("%d requests were under way at once, want 2", most.Load())
	}
}
