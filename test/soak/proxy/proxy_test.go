package proxy

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// between starts a proxy in front of an API server that counts its requests, and returns a client of the proxy. A watch
// sends what comes out of events.
func between(t *testing.T, rates Rates) (p *Proxy, get func(path string) (*http.Response, error), served *atomic.Int64, events chan string) {
	t.Helper()
	served, events = &atomic.Int64{}, make(chan string)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		if !isWatch(r) {
			_, _ = fmt.Fprintf(w, "%s of %s", r.URL.Path, r.Header.Get("Authorization"))
			return
		}
		w.WriteHeader(http.StatusOK)
		for {
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
				return
			case event := <-events:
				_, _ = io.WriteString(w, event+"\n")
			}
		}
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	p, err := Start(Options{Target: server.URL, Authority: authority, Rates: rates, Longest: time.Millisecond, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(p.Authority)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return p, func(path string) (*http.Response, error) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+path, nil)
		if err != nil {
			return nil, err
		}
		request.Header.Set("Authorization", "Bearer operator")
		return transport.RoundTrip(request) // a client would repeat what was reset
	}, served, events
}

func TestRequests(t *testing.T) {
	cases := map[string]struct {
		reason string
		fault  Fault
		status int // 0 for a reset
		served int64
	}{
		"Unharmed":  {"What has no fault passes as it is.", none, 200, 1},
		"Throttled": {"The API server does not see what is refused.", Throttled, 429, 0},
		"Refused":   {"Nor what is answered with an error.", Refused, 500, 0},
		"Reset":     {"Nor what is reset.", Reset, 0, 0},
		"ErrorLate": {"It has done what is answered with an error late.", ErrorLate, 500, 1},
		"ResetLate": {"And what is reset late.", ResetLate, 0, 1},
		"Slow":      {"A slow answer is one.", Slow, 200, 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, get, served, _ := between(t, Rates{tc.fault: 1})
			answer, err := get("/api")
			status := 0
			if err == nil {
				status = answer.StatusCode
				defer func() { _ = answer.Body.Close() }()
			}
			if status != tc.status || served.Load() != tc.served {
				t.Fatalf("%s\ngot status %d after %d requests, %v", tc.reason, status, served.Load(), err)
			}
			if got := p.Counts()[tc.fault]; got != 1 {
				t.Errorf("it is counted, got %d", got)
			}
			if status == 200 {
				if body, err := io.ReadAll(answer.Body); string(body) != "/api of Bearer operator" || err != nil {
					t.Errorf("got %q, %v", body, err)
				}
			}
			if retry := status == 429; retry != (status != 0 && answer.Header.Get("Retry-After") == "1") {
				t.Error("throttling alone says when to come back")
			}
		})
	}
}

func TestAResetHitsOneRequest(t *testing.T) {
	p, get, _, events := between(t, Rates{})
	watch, err := get("/watched?watch=true")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = watch.Body.Close() }()
	p.dice.mutex.Lock()
	p.dice.rates[Reset] = 1
	p.dice.mutex.Unlock()
	if _, err := get("/api"); err == nil {
		t.Error("the request was to be reset")
	}
	events <- "after"
	if line, err := bufio.NewReader(watch.Body).ReadString('\n'); line != "after\n" || err != nil {
		t.Errorf("what shares the connection goes on, got %q, %v", line, err)
	}
}

func TestWatches(t *testing.T) {
	cases := map[string]struct {
		reason string
		rates  Rates
		ends   bool
	}{
		"Unharmed": {"Events pass as they come, and the watch goes on.", Rates{}, false},
		"Requests": {"Faults of answers are none of watches.", Rates{ResetLate: 1}, false},
		"Late":     {"Late events are not lost.", Rates{Late: 1}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, get, _, events := between(t, tc.rates)
			watch, err := get("/watched?watch=1")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = watch.Body.Close() }()
			lines := bufio.NewReader(watch.Body)
			for _, event := range []string{"one", "two"} {
				events <- event
				if line, err := lines.ReadString('\n'); line != event+"\n" || err != nil {
					t.Errorf("%s\ngot %q, %v", tc.reason, line, err)
				}
			}
		})
	}
}

func TestLateBody(t *testing.T) {
	source, sink := io.Pipe()
	const delay = 20 * time.Millisecond
	late := keepBack(t.Context(), source, delay)
	begun := time.Now()
	go func() {
		for range 10 {
			_, _ = io.WriteString(sink, "an event ")
		}
		_ = sink.CloseWithError(io.ErrUnexpectedEOF)
	}()
	got, err := io.ReadAll(late)
	if string(got) != strings.Repeat("an event ", 10) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("all comes in order, and the end as it is, got %q, %v", got, err)
	}
	if took := time.Since(begun); took < delay {
		t.Errorf("nothing comes earlier, all came after %v", took)
	}
}

func TestAWatchThatIsCutIsReset(t *testing.T) {
	p, get, _, _ := between(t, Rates{Cut: 1})
	p.dice.life = time.Millisecond
	watch, err := get("/watched?watch=1")
	if err == nil {
		defer func() { _ = watch.Body.Close() }()
		_, err = io.ReadAll(watch.Body)
	}
	if err == nil || errors.Is(err, io.EOF) {
		t.Errorf("it does not end as a watch does that the API server ends, got %v", err)
	}
	if got := p.Counts()[Cut]; got != 1 {
		t.Errorf("it is counted, got %d", got)
	}
}

func TestStorms(t *testing.T) {
	p, get, served, _ := between(t, Rates{})
	watch, err := get("/watched?watch=true")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = watch.Body.Close() }()
	p.cloud()
	if _, err := io.ReadAll(watch.Body); err == nil {
		t.Error("a storm resets watches")
	}
	for range 10 {
		answer, err := get("/api")
		if err == nil && answer.StatusCode < http.StatusBadRequest {
			t.Error("in a storm nothing works")
		}
		if err == nil {
			_ = answer.Body.Close()
		}
	}
	if served.Load() != 1 || p.Counts()[Stormy] != 10 {
		t.Errorf("the API server was asked %d times, in %d storms", served.Load(), p.Counts()[Stormy])
	}
	p.clear()
	answer, err := get("/api")
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("after it everything does, got %v", err)
	}
	_ = answer.Body.Close()
}

func TestRest(t *testing.T) {
	p, get, _, _ := between(t, Rates{Refused: 1})
	p.Rest()
	answer, err := get("/api")
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("nothing happens at rest, got %v", err)
	}
	_ = answer.Body.Close()
	watch, err := get("/watched?watch=true")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = watch.Body.Close() }()
	p.Resume()
	if _, err := io.ReadAll(watch.Body); err == nil {
		t.Error("a watch does not take its peace along")
	}
	answer, err = get("/api")
	if err != nil || answer.StatusCode != http.StatusInternalServerError {
		t.Fatalf("then faults go on, got %v", err)
	}
	_ = answer.Body.Close()
}

func TestRatesAreKept(t *testing.T) {
	d := newDice(Rates{Throttled: 0.1, Slow: 0.2}, time.Second, 1)
	counts := map[Fault]int{}
	for range 10_000 {
		counts[d.fault(ofRequests)]++
	}
	for fault, want := range map[Fault]int{Throttled: 1000, Slow: 2000, none: 7000} {
		if got := counts[fault]; got < want*9/10 || got > want*11/10 {
			t.Errorf("%q: want about %d, got %d", fault, want, got)
		}
	}
	if len(counts) != 3 {
		t.Errorf("what has no rate does not happen, got %v", counts)
	}
	again := newDice(Rates{Cut: 0.5, Late: 0.5}, time.Second, 7)
	for n, same := 0, newDice(Rates{Cut: 0.5, Late: 0.5}, time.Second, 7); n < 10; n++ {
		if a, b := again.watch(), same.watch(); a != b {
			t.Errorf("the same seed draws the same, got %v and %v", a, b)
		}
	}
}

func TestValidate(t *testing.T) {
	cases := map[string]struct {
		reason  string
		rates   Rates
		refused string
	}{
		"Some":     {"Probabilities are fine.", Rates{Throttled: 0.5, Slow: 0.5, Cut: 1, Late: 1}, ""},
		"Negative": {"Less than never is nothing.", Rates{Cut: -1}, "cut"},
		"More":     {"Nor is more than always.", Rates{Late: 1.5}, "late"},
		"Sum":      {"A request has one fault.", Rates{Throttled: 0.6, Slow: 0.5}, "add up"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := tc.rates.Validate()
			if (err != nil) != (tc.refused != "") || err != nil && !strings.Contains(err.Error(), tc.refused) {
				t.Errorf("%s\ngot %v", tc.reason, err)
			}
		})
	}
}
