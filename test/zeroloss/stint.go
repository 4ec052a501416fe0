//go:build linux

package main

import (
	"context"
	"errors"

	"flagger.app/flagger/test/lab/load"
	"flagger.app/flagger/test/story"
)

// anewEvery is how many requests there are for one on a connection of its own.
const anewEvery = 5

// stint is the load on an app.
type stint struct {
	kept, anew *story.Traffic
	counted    load.Counts // up to the last lap
}

// startLoad sends an app requests at a rate (per second), most of them on connections that are kept.
func startLoad(ctx context.Context, stage *story.Stage, app story.App, rate int) (*stint, error) {
	anew, err := stage.SendAnew(ctx, app, rate/anewEvery)
	if err != nil {
		return nil, err
	}
	kept, err := stage.Send(ctx, app, rate-rate/anewEvery, nil)
	if err != nil {
		_, stopped := anew.Stop()
		return nil, errors.Join(err, stopped)
	}
	return &stint{kept: kept, anew: anew}, nil
}

// lap returns what came of the requests that have ended since the last lap.
func (s *stint) lap() load.Counts {
	now := sum(s.kept.Snapshot(), s.anew.Snapshot())
	lap := now.Since(s.counted)
	s.counted = now
	return lap
}

// stop ends the load and waits for the requests under way.
func (s *stint) stop() error {
	_, kept := s.kept.Stop()
	_, anew := s.anew.Stop()
	return errors.Join(kept, anew)
}

// sum adds counts of different requests.
func sum(a, b load.Counts) load.Counts {
	c := load.Counts{
		Sent: a.Sent + b.Sent, Done: a.Done + b.Done, App: a.App + b.App, Platform: a.Platform + b.Platform,
		Versions: map[string]map[int]int{}, Broken: map[string]int{},
	}
	for _, part := range []load.Counts{a, b} {
		for cause, n := range part.Broken {
			c.Broken[cause] += n
		}
		for version, statuses := range part.Versions {
			if c.Versions[version] == nil {
				c.Versions[version] = map[int]int{}
			}
			for status, n := range statuses {
				c.Versions[version][status] += n
			}
		}
	}
	return c
}
