//go:build linux

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/fleet"
)

const (
	sampleSize = 50                     // canaries that are changed nearly alone, or while the operator is down
	spacing    = 200 * time.Millisecond // between two of them that are changed nearly alone
	aftermath  = 2 * time.Second        // in which what belongs to the end of a rollout still counts, such as its events
)

// phase is one part of a measurement.
type phase struct {
	name    string
	measure func(*bench, context.Context, *Result) error
}

// phases are those after initialise, in their order.
var phases = []phase{
	{name: "idle", measure: (*bench).idle},
	{name: "reaction", measure: (*bench).reaction},
	{name: "rollouts", measure: (*bench).rollouts},
	{name: "restart", measure: (*bench).restart},
}

// initialise starts the operator, and makes canaries of workloads that run.
func (b *bench) initialise(ctx context.Context, result *Result) error {
	if err := b.operator.Start(); err != nil {
		return err
	}
	if err := b.fleet.Deploy(ctx); err != nil {
		return err
	}
	ready := b.follower.expect(b.fleet.Keys, in(v1beta1.PhaseInitialized))
	m, err := b.begin()
	if err != nil {
		return err
	}
	if err := b.fleet.Adopt(ctx); err != nil {
		return err
	}
	came, err := b.follower.await(ctx, ready)
	if err != nil {
		return err
	}
	result.Initialise = &Initialise{Seconds: last(came).Sub(m.from).Seconds()}
	if result.Initialise.Cost, err = m.end(); err != nil {
		return err
	}
	return b.settle(ctx)
}

// settle returns when canaries and cluster have no more to do after a phase that users see as the end.
func (b *bench) settle(ctx context.Context) error {
	if err := fleet.Pause(ctx, max(b.interval, 10*time.Second)); err != nil {
		return err
	}
	return b.fleet.AwaitPrimaries(ctx)
}

// idle looks on while nothing happens.
func (b *bench) idle(ctx context.Context, result *Result) error {
	m, err := b.begin()
	if err != nil {
		return err
	}
	if err := fleet.Pause(ctx, b.settings.idle); err != nil {
		return err
	}
	result.Idle = &Idle{}
	if result.Idle.Cost, err = m.end(); err != nil {
		return err
	}
	return b.profileHeap(ctx, "idle")
}

// reaction changes a few canaries one after the other.
func (b *bench) reaction(ctx context.Context, result *Result) error {
	sample := b.fleet.Sample(sampleSize)
	run := b.expectRun(sample)
	sent := map[types.NamespacedName]time.Time{}
	for _, key := range sample {
		one, err := b.release(ctx, []types.NamespacedName{key})
		if err != nil {
			return err
		}
		maps.Copy(sent, one)
		if err := fleet.Pause(ctx, spacing); err != nil {
			return err
		}
	}
	o, err := run.await(ctx, sent)
	if err != nil {
		return err
	}
	result.Reaction = &Reaction{Reaction: spreadOf(o.reactions), Took: spreadOf(o.took), Failed: o.failed}
	return b.settle(ctx)
}

// rollouts changes all canaries at once.
func (b *bench) rollouts(ctx context.Context, result *Result) error {
	run := b.expectRun(b.fleet.Keys)
	stopProfile := b.profileCPU(ctx, "rollouts")
	m, err := b.begin()
	if err != nil {
		return err
	}
	sent, err := b.release(ctx, b.fleet.Keys)
	if err != nil {
		return err
	}
	changed := time.Now()
	o, err := run.await(ctx, sent)
	if err != nil {
		return err
	}
	if err := fleet.Pause(ctx, aftermath); err != nil {
		return err
	}
	r := &Rollouts{
		Changed:  changed.Sub(m.from).Seconds(),
		LastDone: o.last.Sub(m.from).Seconds(),
		Least:    (time.Duration(len(steps)) * b.interval).Seconds(),
		Failed:   o.failed,
		Reaction: spreadOf(o.reactions),
	}
	b.lateness(m.from, r)
	if r.Cost, err = m.end(); err != nil {
		return err
	}
	result.Rollouts = r
	if err := stopProfile(); err != nil {
		return err
	}
	if err := b.profileHeap(ctx, "rollouts"); err != nil {
		return err
	}
	return b.settle(ctx)
}

// lateness adds to a result how late the ticks of all canaries since a time were.
func (b *bench) lateness(from time.Time, r *Rollouts) {
	var all ticks
	for _, key := range b.fleet.Keys {
		one := lateTicks(b.follower.since(key, from), b.interval)
		all.steps = append(all.steps, one.steps...)
		all.promotions = append(all.promotions, one.promotions...)
	}
	r.StepLateness, r.PromotionLateness = spreadOf(all.steps), spreadOf(all.promotions)
	r.Lateness = spreadOf(slices.Concat(all.steps, all.promotions))
}

// restart stops the operator, changes a few canaries and starts it.
func (b *bench) restart(ctx context.Context, result *Result) error {
	b.operator.Stop()
	sample := b.fleet.Sample(sampleSize)
	noticed := b.follower.expect(sample, in(v1beta1.PhaseProgressing))
	if _, err := b.release(ctx, sample); err != nil {
		return err
	}
	if err := b.operator.Start(); err != nil {
		return err
	}
	m, err := b.begin()
	if err != nil {
		return err
	}
	came, err := b.follower.await(ctx, noticed)
	if err != nil {
		return err
	}
	result.Restart = &Restart{First: first(came).Sub(m.from).Seconds(), All: last(came).Sub(m.from).Seconds()}
	result.Restart.Cost, err = m.end()
	return err
}

// runs are those of some canaries, from their change to their end.
type runs struct {
	follower       *follower
	noticed, ended *wait
}

// outcome is how runs went.
type outcome struct {
	reactions, took []time.Duration // from the change to Progressing, and to the end
	last            time.Time       // the end of the last
	failed          int
}

func (b *bench) expectRun(keys []types.NamespacedName) runs {
	return runs{
		follower: b.follower,
		noticed:  b.follower.expect(keys, in(v1beta1.PhaseProgressing)),
		ended:    b.follower.expect(keys, in(v1beta1.PhaseSucceeded, v1beta1.PhaseFailed)),
	}
}

// await waits for the ends of runs that began with changes at the times sent.
func (r runs) await(ctx context.Context, sent map[types.NamespacedName]time.Time) (outcome, error) {
	o := outcome{}
	noticed, err := r.follower.await(ctx, r.noticed)
	if err != nil {
		return o, fmt.Errorf("wait for Progressing: %w", err)
	}
	ended, err := r.follower.await(ctx, r.ended)
	if err != nil {
		return o, fmt.Errorf("wait for the end: %w", err)
	}
	for key, at := range sent {
		o.reactions = append(o.reactions, noticed[key].at.Sub(at))
		o.took = append(o.took, ended[key].at.Sub(at))
		if ended[key].phase == v1beta1.PhaseFailed {
			o.failed++
		}
	}
	o.last = last(ended)
	return o, nil
}

func first(came map[types.NamespacedName]moment) time.Time {
	return slices.MinFunc(slices.Collect(maps.Values(came)), byTime).at
}

func last(came map[types.NamespacedName]moment) time.Time {
	return slices.MaxFunc(slices.Collect(maps.Values(came)), byTime).at
}

func byTime(a, b moment) int { return a.at.Compare(b.at) }
