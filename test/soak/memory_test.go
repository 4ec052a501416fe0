//go:build linux

package main

import (
	"bytes"
	"errors"
	"runtime"
	"runtime/pprof"
	"testing"
	"time"
)

func TestNumber(t *testing.T) {
	var heap, goroutines bytes.Buffer
	if err := errors.Join(pprof.Lookup("heap").WriteTo(&heap, 1), pprof.Lookup("goroutine").WriteTo(&goroutines, 1)); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		reason    string
		profile   []byte
		beginning string
		err       error
	}{
		"Heap":       {"The runtime's own statistics follow the profile.", heap.Bytes(), "# HeapAlloc = ", nil},
		"Goroutines": {"The first line has the number of goroutines.", goroutines.Bytes(), "goroutine profile: total ", nil},
		"Other":      {"What is not there is not zero.", goroutines.Bytes(), "# HeapAlloc = ", errProfile},
		"Text":       {"Nor is what is no number.", []byte("# HeapAlloc = much\n"), "# HeapAlloc = ", errProfile},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := number(tc.profile, tc.beginning)
			if !errors.Is(err, tc.err) || (err == nil) != (got > 0) {
				t.Errorf("%s\ngot %d, %v (%s)", tc.reason, got, err, runtime.Version())
			}
		})
	}
}

func TestDrift(t *testing.T) {
	before := Sample{Heap: 1000, Goroutines: 100}
	cases := map[string]struct {
		reason string
		after  Sample
		want   int
	}{
		"Same":  {"What stays within the tolerance is no drift.", Sample{Heap: 1050, Goroutines: 95}, 0},
		"Grown": {"A heap that grows is a leak.", Sample{Heap: 1051, Goroutines: 100}, 1},
		"Less":  {"One that shrinks was not at rest before.", Sample{Heap: 900, Goroutines: 100}, 1},
		"Both":  {"Goroutines leak, too.", Sample{Heap: 2000, Goroutines: 110}, 2},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := drift(before, tc.after, 5); len(got) != tc.want {
				t.Errorf("%s\ngot %v", tc.reason, got)
			}
		})
	}
}

func TestAlarms(t *testing.T) {
	log := "{\"msg\":\"at work\"}\n{\"msg\":\"Observed a panic\"}\nWARNING: DATA RACE\n"
	if got := alarms([]byte(log), time.Time{}); len(got) != 2 {
		t.Errorf("panics and data races are told, got %v", got)
	}
}
