//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"flagger.app/flagger/test/fleet"
	"flagger.app/flagger/test/lab"
)

// bench is one operator at work on one lab.
type bench struct {
	settings
	cluster  *fleet.Cluster
	fleet    *fleet.Fleet
	follower *follower
	answerer *fleet.Answerer
	operator *fleet.Operator
	releases int
}

// measure measures one operator on a lab of its own. What it returns with an error is what was measured before. The
// lab's folder is kept then.
func measure(ctx context.Context, s settings, binary string) (Result, error) {
	result := newResult(s, binary)
	state, err := os.MkdirTemp("", "flagger-bench-")
	if err != nil {
		return result, fmt.Errorf("make the state folder: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	b, err := open(ctx, s, binary, lab.State(state), cancel)
	if err == nil {
		err = errors.Join(b.measure(ctx, &result), b.close())
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = errors.Join(cause, err)
	}
	if err != nil {
		fmt.Println("bench: the logs are in", filepath.Join(state, "logs"))
		return result, err
	}
	return result, os.RemoveAll(state)
}

// open brings up a lab without canaries and without the operator, whose unexpected end is told to failed. When it returns
// an error nothing is left running.
func open(ctx context.Context, s settings, binary string, state lab.State, failed func(error)) (*bench, error) {
	cluster, err := fleet.StartCluster(ctx, s.root, state, s.gateway)
	if err != nil {
		return nil, err
	}
	b := &bench{settings: s, cluster: cluster}
	if err := b.furnish(ctx, binary, failed); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *bench) furnish(ctx context.Context, binary string, failed func(error)) error {
	b.fleet = fleet.New(fleet.Options{
		Name: "bench", Canaries: b.canaries, Replicas: b.replicas,
		Interval: b.interval, Threshold: threshold, Steps: steps, Gateway: b.gateway,
	}, b.cluster.Client)
	b.follower = newFollower(time.Now, 5*time.Minute+time.Duration(b.canaries)*time.Second)
	handlers := []fleet.Handler{b.follower.handler()}
	if b.gateway == fleet.StandIn {
		handlers = append(handlers, fleet.Accept(ctx, b.cluster.Client, failed))
	}
	if err := b.cluster.Follow(ctx, handlers...); err != nil {
		return err
	}
	var err error
	if b.answerer, err = fleet.Answer(fleet.NoneFailing); err != nil {
		return err
	}
	flags := b.flags
	if b.profiles != "" {
		flags = append([]string{"-enable-pprof"}, flags...)
	}
	b.operator, err = fleet.NewOperator(fleet.Program{
		Binary: binary, Kubeconfig: b.cluster.State.OperatorKubeconfig(), Metrics: b.answerer.URL,
		Log: filepath.Join(string(b.cluster.State), "logs", "operator.log"), Flags: flags, Failed: failed,
	})
	return err
}

// close ends the operator and the lab, and returns when none of their processes is left.
func (b *bench) close() error {
	if b.operator != nil {
		b.operator.Stop()
	}
	if b.answerer != nil {
		b.answerer.Stop()
	}
	return b.cluster.Stop()
}

// measure goes through the phases.
func (b *bench) measure(ctx context.Context, result *Result) error {
	for _, p := range append([]phase{{name: "initialise", measure: (*bench).initialise}}, b.phases...) {
		started := time.Now()
		if err := p.measure(b, ctx, result); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		fmt.Printf("bench: %-34s %5.1f s\n", p.name, time.Since(started).Seconds())
	}
	return nil
}
