//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/lab"
	"flagger.app/flagger/test/lab/load"
	"flagger.app/flagger/test/story"
)

const (
	namespace = "demo"
	rate      = 100 // requests per second
	replicas  = 2

	firstVersion = "6.0.0"
	goodVersion  = "6.1.0"
	badVersion   = "6.2.0-err20" // fails one request in five

	storyTimeout = 3 * time.Minute // each takes about 35 s
	lastRequests = 100             // that show who serves at the end
)

// lifetime says what becomes of the lab when the stories are over.
type lifetime lab.Lifetime

const (
	ending  = lifetime(lab.WithStarter)
	staying = lifetime(lab.Detached)
)

// player plays the stories on an open stage.
type player struct {
	stage   *story.Stage
	app     story.App
	screen  *screen
	view    *view
	journal *story.Journal
	traffic *story.Traffic
}

// release is how one release went.
type release struct {
	version    string
	want, got  v1beta1.CanaryPhase
	reaction   time.Duration // from the change of the image to phase Progressing
	took       time.Duration // from the change of the image to the end
	servedBy   load.Counts   // the last requests
	wantServer string        // the version that must have answered them
}

// ended tells whether the release ended as it must.
func (r release) ended() bool {
	return r.got == r.want && r.servedBy.Of(r.wantServer) == lastRequests
}

// play runs the demo from nothing to nothing or, where it stays, to a lab that can be looked at.
func play(ctx context.Context, l lifetime, state string) error {
	root, err := findRoot()
	if err != nil {
		return err
	}
	if state == "" {
		state = filepath.Join(root, ".lab")
	}
	terminal := newScreen(os.Stdout, func() int { return columns(os.Stdout) }, time.Now)
	terminal.say("A Kubernetes control plane, a gateway and Prometheus start on this machine, in a network of their own.")
	quiet := terminal.everyFewSeconds("still starting")
	stage, err := story.Open(ctx, story.Options{
		Root: root, State: lab.State(state), Lifetime: lab.Lifetime(l), Progress: os.Stdout, Now: time.Now,
	})
	quiet()
	if err != nil {
		return err
	}
	p := &player{
		stage:  stage,
		app:    story.App{Namespace: namespace, Version: firstVersion, Replicas: replicas},
		screen: terminal,
	}
	err = p.play(ctx)
	if l == staying && ctx.Err() == nil && !errors.Is(err, errOperator) {
		return errors.Join(err, p.leave())
	}
	return errors.Join(err, stage.Close())
}

// errOperator is the cause of everything that ends because the operator has.
var errOperator = errors.New("the operator ended")

// play plays the stories. The end of the operator ends them.
func (p *player) play(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-ctx.Done():
		case <-p.stage.Operator.Ended():
			cancel(fmt.Errorf("%w: %w", errOperator, p.stage.Operator.Failure()))
		}
	}()
	releases, err := p.stories(ctx)
	if err != nil {
		return err
	}
	counts, err := p.traffic.Stop()
	if err != nil {
		return err
	}
	return p.report(ctx, releases, counts)
}

// stories are the demo while there is something to watch.
func (p *player) stories(ctx context.Context) ([]release, error) {
	if err := p.stage.CreateNamespace(ctx, p.app); err != nil {
		return nil, err
	}
	var err error
	if p.journal, err = p.stage.Follow(ctx, p.app); err != nil {
		return nil, err
	}
	p.view = watch(ctx, p.screen, p.journal, time.Now())
	defer p.view.stop()
	if err := p.deploy(ctx); err != nil {
		return nil, err
	}
	return p.releases(ctx)
}

// deploy makes the app and sends it requests.
func (p *player) deploy(ctx context.Context) error {
	p.view.say("\npodinfo %s is deployed with %d pods and a Canary: 25 %%, then 50 %% of the requests, a look at the metrics every 10 s.",
		firstVersion, replicas)
	if err := p.stage.Deploy(ctx, p.app); err != nil {
		return err
	}
	p.view.say("The gateway gets %d requests a second from its first answer on.", rate)
	var err error
	if p.traffic, err = p.stage.Send(ctx, p.app, rate, nil); err != nil {
		return err
	}
	p.journal.Count(p.traffic)
	return nil
}

// releases waits for the primary and releases both versions.
func (p *player) releases(ctx context.Context) ([]release, error) {
	if _, err := p.await(ctx, 0, story.Heard("Initialization done!"), "the primary"); err != nil {
		return nil, err
	}
	good := release{version: goodVersion, want: v1beta1.PhaseSucceeded, wantServer: goodVersion}
	p.view.say("\nSTORY 1  podinfo %s, which is fine, is released.", goodVersion)
	if err := p.release(ctx, &good); err != nil {
		return nil, err
	}
	bad := release{version: badVersion, want: v1beta1.PhaseFailed, wantServer: goodVersion}
	p.view.say("\nSTORY 2  podinfo %s, which answers one request in five with a 500, is released.", badVersion)
	if err := p.release(ctx, &bad); err != nil {
		return nil, err
	}
	return []release{good, bad}, nil
}

// release releases a version and waits until its rollout has ended and its pods are told to stop.
func (p *player) release(ctx context.Context, r *release) error {
	mark := p.journal.Mark()
	sent, err := p.stage.Release(ctx, p.app, r.version)
	if err != nil {
		return err
	}
	seen, err := p.await(ctx, mark, story.In(v1beta1.PhaseProgressing), "phase Progressing")
	if err != nil {
		return err
	}
	over, err := p.await(ctx, mark, story.Run(v1beta1.PhaseSucceeded, v1beta1.PhaseFailed), "the end of the rollout")
	if err != nil {
		return err
	}
	if _, err := p.await(ctx, mark, story.Stopped(), "the end of the canary's pods"); err != nil {
		return err
	}
	r.got, r.reaction, r.took = over.Status.Phase, seen.At.Sub(sent), over.At.Sub(sent)
	r.servedBy, err = p.stage.Ask(ctx, p.app, lastRequests)
	return err
}

func (p *player) await(ctx context.Context, mark int, wanted func(story.Moment) bool, what string) (story.Moment, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, storyTimeout, fmt.Errorf("it did not come in %s", storyTimeout))
	defer cancel()
	m, err := p.journal.Await(ctx, mark, wanted)
	if err != nil {
		return m, fmt.Errorf("wait for %s: %w", what, err)
	}
	return m, nil
}
