package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// trimEvery is how often a process is looked at for memory that it does not need.
	trimEvery = 15 * time.Second
	// quiet is the part of its memory that a process at rest allocates between two looks at most, and spare the part that
	// is worth giving back.
	quiet, spare = 1. / 8, 1. / 8
)

// trim gives memory back to the system whenever the process has come to rest after a burst of work, until ctx ends. The Go
// runtime by itself keeps as much as the burst may grow to before the next collection, and more for what is in pieces.
func trim(ctx context.Context) error {
	looks := time.NewTicker(trimEvery)
	defer looks.Stop()
	t := &trimmer{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-looks.C:
			t.look(readMemory, debug.FreeOSMemory)
		}
	}
}

// memory is what the Go runtime has of the system, and what has been allocated of it since the process began, in bytes.
type memory struct{ held, allocated uint64 }

// readMemory reads both. It stops nobody.
func readMemory() memory {
	samples := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/gc/heap/allocs:bytes"},
	}
	metrics.Read(samples)
	return memory{held: samples[0].Value.Uint64() - samples[1].Value.Uint64(), allocated: samples[2].Value.Uint64()}
}

// trimmer knows the memory at its last look, and what was held after it was given back last.
type trimmer struct {
	last memory
	held uint64
}

// look gives memory back where the process is at rest, and holds more than after the last time.
func (t *trimmer) look(read func() memory, free func()) {
	now := read()
	allocated := now.allocated - t.last.allocated
	t.last = now
	isQuiet := float64(allocated) <= quiet*float64(now.held)
	if grown := float64(now.held) > (1+spare)*float64(t.held); isQuiet && grown {
		free()
		t.held = read().held
	}
}
