package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
)

// serving starts a server and returns its address, what tells it to stop and what it ends with.
func serving(t *testing.T, h http.HandlerFunc, grace time.Duration) (url string, stop func(), ended <-chan error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- server{handler: h, listener: listener, grace: grace, log: logr.Discard()}.serve(ctx)
	}()
	return "http://" + listener.Addr().String(), cancel, done
}

func TestServerAnswersWhatIsInHand(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	url, stop, ended := serving(t, func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-release
		_, _ = io.WriteString(w, "done")
	}, time.Hour)
	answers := make(chan string)
	go func() {
		resp, err := http.Get(url)
		if err != nil {
			answers <- err.Error()
			return
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		answers <- string(body)
	}()
	<-begun
	stop()
	close(release)
	if got := <-answers; got != "done" {
		t.Errorf("got %q", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("a server that is told to stop has not failed: %v", err)
	}
}

func TestServerCancelsWhatTakesTooLong(t *testing.T) {
	begun, cancelled := make(chan struct{}), make(chan struct{})
	url, stop, ended := serving(t, func(_ http.ResponseWriter, req *http.Request) {
		close(begun)
		<-req.Context().Done()
		close(cancelled)
	}, time.Millisecond)
	go func() {
		if resp, err := http.Get(url); err == nil {
			_ = resp.Body.Close()
		}
	}()
	<-begun
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	<-cancelled
}

func TestServerTellsWhyItCannotServe(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	if err := (server{listener: listener, log: logr.Discard()}).serve(t.Context()); err == nil {
		t.Error("it served on a port that is closed")
	}
}

func TestServerComplaintsAreLogged(t *testing.T) {
	var lines bytes.Buffer
	log := funcr.New(func(_, args string) { lines.WriteString(args) }, funcr.Options{})
	if n, err := (logWriter{log}).Write([]byte("http: TLS handshake error\n")); n != 26 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if got, want := lines.String(), `"level"=0 "msg"="http: TLS handshake error"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
