//go:build linux

package main

import (
	"context"
	"sync"
	"time"

	"flagger.app/flagger/test/lab/load"
	"flagger.app/flagger/test/story"
)

// beat is how often the view is brought up to date.
const beat = 250 * time.Millisecond

// view tells an app's events as they come and shows what happens between them.
type view struct {
	screen  *screen
	journal *story.Journal
	started time.Time
	group   sync.WaitGroup
	cancel  context.CancelFunc

	mutex     sync.Mutex
	mark      int // moments that were told
	latest    story.Moment
	snapshots []snapshot // of the last window
}

// watch begins to show a journal, until stop is called or ctx ends.
func watch(ctx context.Context, s *screen, journal *story.Journal, started time.Time) *view {
	ctx, cancel := context.WithCancel(ctx)
	v := &view{screen: s, journal: journal, started: started, cancel: cancel, snapshots: []snapshot{{at: started}}}
	v.group.Go(func() {
		tick := time.NewTicker(beat)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				v.refresh(now)
			}
		}
	})
	return v
}

// stop ends the view with the last events.
func (v *view) stop() {
	v.cancel()
	v.group.Wait()
	v.tellEvents()
	v.screen.clear()
}

// say says a line after the events so far.
func (v *view) say(format string, arguments ...any) {
	v.tellEvents()
	v.screen.say(format, arguments...)
}

// snapshot is the traffic at one time.
type snapshot struct {
	at     time.Time
	counts load.Counts
}

func (v *view) refresh(now time.Time) {
	v.tellEvents()
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.snapshots = append(v.snapshots, snapshot{at: now, counts: v.journal.Load()})
	for len(v.snapshots) > 2 && now.Sub(v.snapshots[1].at) >= window {
		v.snapshots = v.snapshots[1:]
	}
	total := v.snapshots[len(v.snapshots)-1].counts
	v.screen.show(frame{
		elapsed: now.Sub(v.started),
		moment:  v.latest,
		recent:  total.Since(v.snapshots[0].counts),
		total:   total,
	})
}

// tellEvents says the events that have come since the last call.
func (v *view) tellEvents() {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	for _, m := range v.journal.Since(v.mark) {
		v.mark++
		v.latest = m
		if m.Said != nil {
			v.screen.say("%s  %-8s %s", clock(m.At.Sub(v.started)), m.Said.Type, m.Said.Message)
		}
	}
}
