package load

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"flagger.app/flagger/test/lab/podserver"
)

// Options say what to send. URL and Rate are required.
type Options struct {
	URL     string
	Host    string        // the Host header; URL's host where it is empty
	Header  http.Header   // sent with every request
	Rate    int           // requests per second
	Timeout time.Duration // of one request; 10 s where it is zero
	Reuse   Reuse
	// Abreast is how many requests may be under way; those that are due beyond start late. Zero is no limit. A machine
	// that stalls for seconds would otherwise run out of files for their connections.
	Abreast int
}

// Reuse says whether requests share connections.
type Reuse int

const (
	KeepAlive         Reuse = iota // connections are kept and used again, as browsers and proxies do
	OneConnectionEach              // every request opens and closes its own
)

const (
	defaultTimeout = 10 * time.Second
	idleTime       = 90 * time.Second     // that a connection is kept for later requests
	pace           = 5 * time.Millisecond // how often what is due is sent; 200 sends a second at most are bunched
)

// Counts are the requests that ended, and how.
type Counts struct {
	Sent     int                    // those still under way included
	Done     int                    // those that ended; the fields below add up to it
	Versions map[string]map[int]int // answers by version (empty where none was named) and HTTP status
	Broken   map[string]int         // requests without an answer, by cause
	App      int                    // answers that the app failed on purpose; they are in Versions too
	Platform int                    // every other failure: status 400 and above, and no answer
}

// Of returns how many answers version gave.
func (c Counts) Of(version string) int {
	total := 0
	for _, n := range c.Versions[version] {
		total += n
	}
	return total
}

// Since returns the counts of what happened after earlier, an older snapshot of the same generator.
func (c Counts) Since(earlier Counts) Counts {
	later := Counts{
		Sent: c.Sent - earlier.Sent, Done: c.Done - earlier.Done,
		App: c.App - earlier.App, Platform: c.Platform - earlier.Platform,
		Versions: map[string]map[int]int{}, Broken: map[string]int{},
	}
	for version, statuses := range c.Versions {
		for status, n := range statuses {
			if n -= earlier.Versions[version][status]; n > 0 {
				if later.Versions[version] == nil {
					later.Versions[version] = map[int]int{}
				}
				later.Versions[version][status] = n
			}
		}
	}
	for cause, n := range c.Broken {
		if n -= earlier.Broken[cause]; n > 0 {
			later.Broken[cause] = n
		}
	}
	return later
}

// Generator sends requests. Use New.
type Generator struct {
	options  Options
	client   *http.Client
	underWay atomic.Int64
	mutex    sync.Mutex
	counts   Counts
}

// New returns a generator that has sent nothing yet.
func New(options Options) *Generator {
	if options.Timeout == 0 {
		options.Timeout = defaultTimeout
	}
	transport := &http.Transport{
		MaxIdleConnsPerHost: max(options.Rate, 1),
		MaxConnsPerHost:     options.Abreast,
		IdleConnTimeout:     idleTime,
		DisableKeepAlives:   options.Reuse == OneConnectionEach,
		DisableCompression:  true,
	}
	return &Generator{
		options: options,
		client: &http.Client{
			Transport:     transport,
			Timeout:       options.Timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		counts: Counts{Versions: map[string]map[int]int{}, Broken: map[string]int{}},
	}
}

// Run sends at the constant rate until ctx ends, waits for the requests under way and returns what came of all of
// them. Requests start on time whether or not earlier ones were answered (an open loop), so a slow server does not
// hide its slowness by slowing the load; Options.Abreast alone limits that.
func (g *Generator) Run(ctx context.Context) (Counts, error) {
	request, err := g.request()
	if err != nil {
		return Counts{}, err
	}
	defer g.client.CloseIdleConnections()
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	var group sync.WaitGroup
	var started time.Time
	sent := 0
	for {
		select {
		case <-ctx.Done():
			group.Wait()
			return g.Snapshot(), nil
		case now := <-ticker.C:
			if started.IsZero() {
				started = now
			}
			due := int(now.Sub(started).Seconds() * float64(g.options.Rate))
			for ; sent < due && g.hasRoom(); sent++ {
				g.underWay.Add(1)
				group.Go(func() {
					defer g.underWay.Add(-1)
					g.send(request)
				})
			}
		}
	}
}

func (g *Generator) hasRoom() bool {
	return g.options.Abreast == 0 || g.underWay.Load() < int64(g.options.Abreast)
}

// Send sends n requests one after the other, as fast as they are answered, and returns the counts.
func (g *Generator) Send(ctx context.Context, n int) (Counts, error) {
	request, err := g.request()
	if err != nil {
		return Counts{}, err
	}
	defer g.client.CloseIdleConnections()
	for range n {
		if ctx.Err() != nil {
			break
		}
		g.send(request)
	}
	return g.Snapshot(), nil
}

// Snapshot returns the counts so far. It may be called while Run runs.
func (g *Generator) Snapshot() Counts {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	copied := g.counts
	copied.Broken = maps.Clone(g.counts.Broken)
	copied.Versions = make(map[string]map[int]int, len(g.counts.Versions))
	for version, statuses := range g.counts.Versions {
		copied.Versions[version] = maps.Clone(statuses)
	}
	return copied
}

func (g *Generator) request() (*http.Request, error) {
	request, err := http.NewRequest(http.MethodGet, g.options.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	if g.options.Header != nil {
		request.Header = g.options.Header.Clone()
	}
	request.Host = g.options.Host
	return request, nil
}

// send sends one request and counts its end. It has no context: a request under way when the load ends is
// answered and counted like the others, or the last failures would go unseen.
func (g *Generator) send(request *http.Request) {
	g.mutex.Lock()
	g.counts.Sent++
	g.mutex.Unlock()
	answer, err := g.client.Do(request.Clone(context.Background()))
	if err == nil {
		_, err = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.counts.Done++
	if err != nil {
		g.counts.Broken[cause(err)]++
		g.counts.Platform++
		return
	}
	version := answer.Header.Get(podserver.VersionHeader)
	if g.counts.Versions[version] == nil {
		g.counts.Versions[version] = map[int]int{}
	}
	g.counts.Versions[version][answer.StatusCode]++
	switch {
	case answer.StatusCode < http.StatusBadRequest:
	case answer.Header.Get(podserver.FaultHeader) == podserver.FaultApp:
		g.counts.App++
	default:
		g.counts.Platform++
	}
}
