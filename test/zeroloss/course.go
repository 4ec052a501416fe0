//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/lab"
	"flagger.app/flagger/test/story"
)

const (
	// patience is how long a transition may take. Most take less than a minute.
	patience = 3 * time.Minute
	// aftermath still counts as part of a transition. Its pods are gone by then.
	aftermath = lab.Drain + time.Second
	replicas  = 2
	// tail makes an image answer slowly once in a hundred times.
	tail = "-tail2000"
)

// providers are the ways that Traefik can divide traffic.
var providers = []provider{
	{name: "gatewayapi", routes: story.GatewayAPI},
	{name: "traefik", routes: story.TraefikService},
	{name: "nginx", routes: story.Nginx},
}

// provider is a way to divide traffic, and what it is called.
type provider struct {
	name   string
	routes *story.Provider
}

// newApp is the app of a pass, in a namespace of its own.
func newApp(p provider, pass int) story.App {
	a := story.App{
		Namespace: fmt.Sprintf("%s-%d", p.name, pass), Version: "1.0.0" + tail, Replicas: replicas, Provider: p.routes,
		Change: func(c *v1beta1.Canary) {
			c.Spec.RevertOnDeletion = true
			c.Spec.Analysis.Metrics = c.Spec.Analysis.Metrics[:1] // of the errors; its answers are slow on purpose
		},
	}
	a.Before = a.UserRoute()
	return a
}

// course is an app's way through all transitions.
type course struct {
	stage    *story.Stage
	crash    func() error // of the operator
	provider string
	app      story.App
	rate     int // requests per second
	result   *tally
	out      io.Writer

	journal *story.Journal
	load    *stint
	mark    int // the first moment of the transition
}

// transition is something that happens to the app.
type transition struct {
	name    string
	release string // the new one, of which the table tells the share
	begin   func(context.Context, *course) error
	over    []func(story.Moment) bool // each has come by its end
}

// transitions are those of a pass, in their order.
func transitions() []transition {
	const good, bad, passed, revised, crashed = "1.1.0" + tail, "1.2.0-err20" + tail, "1.3.0" + tail, "1.4.0" + tail, "1.5.0" + tail
	type moments = []func(story.Moment) bool
	promoted := func() moments { return moments{story.Run(v1beta1.PhaseSucceeded), story.Stopped()} }
	return []transition{
		{"initialise", "", create, moments{story.In(v1beta1.PhaseInitialized), story.Stopped()}},
		{"advance", good, release(good), moments{story.Run(v1beta1.PhasePromoting)}},
		{"promote", good, nothing, moments{story.In(v1beta1.PhaseSucceeded), story.Stopped()}},
		{"roll back", bad, release(bad), moments{story.Run(v1beta1.PhaseFailed), story.Stopped()}},
		{"revise", revised, inTurn(release(passed), weighted(25), release(revised)), promoted()},
		{"crash", crashed, inTurn(release(crashed), weighted(50), crash), promoted()},
		{"delete", crashed, remove, moments{func(m story.Moment) bool { return m.Gone && m.Primary == story.Replicas{} }}},
	}
}

// run takes the app through all transitions, under load from before the first to after the last.
func (c *course) run(ctx context.Context) error {
	if err := c.stage.CreateNamespace(ctx, c.app); err != nil {
		return err
	}
	var err error
	if c.journal, err = c.stage.Follow(ctx, c.app); err != nil {
		return err
	}
	if err := c.stage.Prepare(ctx, c.app); err != nil {
		return err
	}
	if c.load, err = startLoad(ctx, c.stage, c.app, c.rate); err != nil {
		return err
	}
	c.journal.Count(c.load.kept)
	for _, t := range transitions() {
		if err = c.pass(ctx, t); err != nil {
			err = fmt.Errorf("%s: %w", t.name, err)
			break
		}
	}
	return errors.Join(err, c.load.stop())
}

// pass makes one transition and counts the requests that ended in it.
func (c *course) pass(ctx context.Context, t transition) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it took longer than %s", patience))
	defer cancel()
	begun := time.Now()
	c.mark = c.journal.Mark()
	err := t.begin(ctx, c)
	for _, wanted := range t.over {
		if err == nil {
			err = c.await(ctx, wanted)
		}
	}
	if err == nil {
		err = pause(ctx, aftermath)
	}
	counts := c.load.lap()
	c.result.add(c.provider, t.name, t.release, counts)
	_, _ = fmt.Fprintf(c.out, "%-11s %-11s %5.1f s %7d requests, %d lost%s\n",
		c.provider, t.name, time.Since(begun).Seconds(), counts.Done, counts.Platform, causes(counts))
	if counts.Platform > 0 {
		_, _ = fmt.Fprintf(c.out, "what happened to %s meanwhile:\n%s", c.provider, story.Narrate(c.journal.Since(c.mark), begun))
	}
	return err
}

func (c *course) await(ctx context.Context, wanted func(story.Moment) bool) error {
	_, err := c.journal.Await(ctx, c.mark, wanted)
	return err
}

// pause waits, so that what a change breaks late is still seen as its own.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

func create(ctx context.Context, c *course) error {
	return c.stage.Client.Create(ctx, c.app.NewCanary())
}

func remove(ctx context.Context, c *course) error {
	return c.stage.Client.Delete(ctx, c.app.NewCanary())
}

func crash(_ context.Context, c *course) error { return c.crash() }

// nothing begins a transition that comes by itself.
func nothing(context.Context, *course) error { return nil }

// release returns a step that releases another version.
func release(version string) func(context.Context, *course) error {
	return func(ctx context.Context, c *course) error {
		_, err := c.stage.Release(ctx, c.app, version)
		return err
	}
}

// weighted returns a step that waits until the canary gets so many percent of the traffic.
func weighted(weight int) func(context.Context, *course) error {
	return func(ctx context.Context, c *course) error {
		return c.await(ctx, func(m story.Moment) bool { return m.Status.CanaryWeight == weight && m.Weight == weight })
	}
}

// inTurn returns a step that is several, one after the other.
func inTurn(steps ...func(context.Context, *course) error) func(context.Context, *course) error {
	return func(ctx context.Context, c *course) error {
		for _, step := range steps {
			if err := step(ctx, c); err != nil {
				return err
			}
		}
		return nil
	}
}
