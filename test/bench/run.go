//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/lab"
)

// bench is one operator at work on one lab.
type bench struct {
	*fleet
	state    lab.State
	lab      *lab.Lab
	follower *follower
	answerer *answerer
	operator *operator
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
	running, err := lab.Start(ctx, lab.Options{
		Root: s.root, State: state, Lifetime: lab.WithStarter, Progress: os.Stdout, Inside: []string{insideVerb},
	})
	if err != nil {
		return nil, err
	}
	b := &bench{state: state, lab: running}
	if err := b.furnish(ctx, s, binary, failed); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *bench) furnish(ctx context.Context, s settings, binary string, failed func(error)) error {
	config, err := clientcmd.BuildConfigFromFlags("", b.state.Kubeconfig())
	if err != nil {
		return fmt.Errorf("read %s: %w", b.state.Kubeconfig(), err)
	}
	config.QPS = -1
	crds := envtest.CRDInstallOptions{Paths: []string{filepath.Join(s.root, "config", "crd", "bases")}, ErrorIfPathMissing: true}
	if _, err := envtest.InstallCRDs(config, crds); err != nil {
		return fmt.Errorf("install the CRDs: %w", err)
	}
	if b.fleet, err = connect(s, config); err != nil {
		return err
	}
	b.follower = newFollower(time.Now, 5*time.Minute+time.Duration(s.canaries)*time.Second)
	var routes *acceptor
	if s.gateway == standIn {
		routes = newAcceptor(b.client, failed)
	}
	if err := b.follower.follow(ctx, config, b.client.Scheme(), routes); err != nil {
		return err
	}
	if b.answerer, err = answer(); err != nil {
		return err
	}
	b.operator, err = newOperator(s, binary, b.state, b.answerer.url, failed)
	return err
}

// connect returns a fleet whose client knows our kinds, Kubernetes' and Gateway API's.
func connect(s settings, config *rest.Config) (*fleet, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1beta1.AddToScheme(scheme), gatewayv1.Install(scheme)); err != nil {
		return nil, fmt.Errorf("build a scheme: %w", err)
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return newFleet(s, c), nil
}

// close ends the operator and the lab, and returns when none of their processes is left.
func (b *bench) close() error {
	if b.operator != nil {
		b.operator.stop()
	}
	if b.answerer != nil {
		b.answerer.stop()
	}
	return b.lab.Stop()
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

// pause lets time pass, in which something may happen or not.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
