package security

import (
	"bytes"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"
)

const (
	// Appetite is how much an endpoint may make its caller allocate in all for one request, in bytes. It is several times
	// what is read of an answer at most, as growing buffers are copied.
	Appetite = 96 << 20
	// Patience is how long a caller should wait for an endpoint that never ends.
	Patience = 300 * time.Millisecond
)

// Endpoints are the ways in which an endpoint means harm, by name.
var Endpoints = map[string]http.HandlerFunc{
	"EndlessBody":   endlessBody,
	"EndlessRefuse": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusBadRequest); endlessBody(w, r) },
	"EndlessHeader": endlessHeader,
	"GzipBomb":      gzipBomb,
	"DeepNesting": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat(`[`, 3<<20))
	},
	"Garbage":    garbage,
	"Silence":    func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	"DripHeader": dripHeader,
	"DripBody":   dripBody,
}

// Serve starts an endpoint, which ends with the test.
func Serve(t testing.TB, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or nobody would see that the other side has gone
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// Allocated runs f and returns how many bytes were allocated meanwhile, freed ones included.
func Allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// endlessBody begins a string and never closes it.
func endlessBody(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if _, err := io.WriteString(w, `{"status":"`); err != nil {
		return
	}
	repeat(w, bytes.Repeat([]byte("x"), 64<<10), 0)
}

// endlessHeader has one more header than was read so far.
func endlessHeader(w http.ResponseWriter, _ *http.Request) {
	takeOver(w, func(conn net.Conn) {
		if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n"); err == nil {
			repeat(conn, []byte(strings.Repeat("X-More: "+strings.Repeat("x", 1000)+"\r\n", 64)), 0)
		}
	})
}

// gzipBomb sends a few hundred kilobytes that unpack to a gigabyte of a string.
func gzipBomb(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	packed := gzip.NewWriter(w)
	defer func() { _ = packed.Close() }()
	if _, err := io.WriteString(packed, `{"status":"`); err == nil {
		repeat(packed, bytes.Repeat([]byte("x"), 1<<20), 1<<10)
	}
}

// garbage is no HTTP.
func garbage(w http.ResponseWriter, _ *http.Request) {
	takeOver(w, func(conn net.Conn) {
		_, _ = conn.Write(bytes.Repeat([]byte{0, 0xff, '\r', '\n'}, 1000))
	})
}

// dripHeader sends a byte of a header now and then, so that no pause is long.
func dripHeader(w http.ResponseWriter, r *http.Request) {
	takeOver(w, func(conn net.Conn) {
		if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nX-Slow: "); err == nil {
			drip(r, conn)
		}
	})
}

// dripBody sends a byte of the body now and then.
func dripBody(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, `{"status":"`)
	drip(r, flushing{w})
}

// drip writes a byte at a time until the other side has gone.
func drip(r *http.Request, w io.Writer) {
	tick := time.NewTicker(Patience / 10)
	defer tick.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
			if _, err := io.WriteString(w, "x"); err != nil {
				return
			}
		}
	}
}

// flushing sends what is written at once.
type flushing struct{ http.ResponseWriter }

func (f flushing) Write(p []byte) (int, error) {
	n, err := f.ResponseWriter.Write(p)
	f.ResponseWriter.(http.Flusher).Flush()
	return n, err
}

// repeat writes chunk so many times, or with 0 until the other side has had enough.
func repeat(w io.Writer, chunk []byte, times int) {
	for n := 0; times == 0 || n < times; n++ {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// takeOver gives do the bare connection and closes it afterwards.
func takeOver(w http.ResponseWriter, do func(net.Conn)) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	do(conn)
}
