//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/fleet"
	"flagger.app/flagger/test/lab"
	"flagger.app/flagger/test/soak/proxy"
)

const (
	threshold = 2                // failed checks that roll back
	drain     = 10 * time.Second // the operator's, after each change of traffic
	starting  = 5 * time.Second  // of pods, the canary's and the primary's
	retries   = 15 * time.Second // in which a client repeats a write that storms and 429s keep back
)

// steps are the weights of every rollout.
var steps = []v1beta1.Number{25, 50}

// least is the least that a rollout takes: an interval per step, a drain, and pods that start.
func (s settings) least() time.Duration {
	return time.Duration(len(steps))*s.interval + drain + starting
}

func (s settings) limits() limits {
	return limits{
		steps: time.Duration(len(steps)) * s.interval, bound: s.least() + s.tolerance,
		grace: 2*s.longest + retries,
	}
}

// stage is what runs.
type stage struct {
	settings
	cluster  *fleet.Cluster
	fleet    *fleet.Fleet
	book     *book
	answerer *fleet.Answerer
	proxy    *proxy.Proxy
	operator *fleet.Operator
	failed   func(error) // ends everything
}

// open brings up a lab without canaries, and an operator that is not started. Its unexpected end is told to failed. When it
// returns an error nothing is left running.
func open(ctx context.Context, s settings, state lab.State, failed func(error)) (*stage, error) {
	cluster, err := fleet.StartCluster(ctx, s.root, state, fleet.StandIn)
	if err != nil {
		return nil, err
	}
	st := &stage{settings: s, cluster: cluster, failed: failed}
	if err := st.furnish(ctx); err != nil {
		return nil, errors.Join(err, st.close())
	}
	return st, nil
}

func (s *stage) furnish(ctx context.Context) error {
	s.fleet = fleet.New(fleet.Options{
		Name: "soak", Canaries: s.canaries, Replicas: 1, Interval: s.interval, Threshold: threshold, Steps: steps, Gateway: fleet.StandIn,
	}, s.cluster.Client)
	s.book = newBook(s.fleet.Keys, time.Now, s.failed)
	handlers := append(s.book.handlers(), fleet.Accept(ctx, s.cluster.Client, s.failed))
	if err := s.cluster.Follow(ctx, handlers...); err != nil {
		return err
	}
	var err error
	if s.answerer, err = fleet.Answer(s.book.isFailing); err != nil {
		return err
	}
	kubeconfig, err := s.interpose()
	if err != nil {
		return err
	}
	s.operator, err = fleet.NewOperator(fleet.Program{
		Binary: s.settings.operator, Kubeconfig: kubeconfig, Metrics: s.answerer.URL, Log: s.log(),
		Flags: []string{"-enable-pprof"}, Failed: s.failed,
	})
	return err
}

// log is the file of the operator's log.
func (s *stage) log() string { return filepath.Join(string(s.cluster.State), "logs", "operator.log") }

// interpose starts the proxy and returns the kubeconfig of an operator behind it, with the credentials of the lab's.
func (s *stage) interpose() (string, error) {
	config, err := clientcmd.LoadFromFile(s.cluster.State.OperatorKubeconfig())
	if err != nil {
		return "", fmt.Errorf("read the operator's kubeconfig: %w", err)
	}
	server := config.Clusters[config.Contexts[config.CurrentContext].Cluster]
	s.proxy, err = proxy.Start(proxy.Options{
		Target: server.Server, Authority: server.CertificateAuthorityData,
		Rates: s.rates, Longest: s.longest, Storms: s.storms, Seed: s.seed,
	})
	if err != nil {
		return "", err
	}
	server.Server, server.CertificateAuthorityData = s.proxy.URL, s.proxy.Authority
	file := filepath.Join(string(s.cluster.State), "proxied.kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		return "", fmt.Errorf("write the operator's kubeconfig: %w", err)
	}
	return file, nil
}

// close ends everything and returns when no process is left.
func (s *stage) close() error {
	if s.operator != nil {
		s.operator.Stop()
	}
	if s.proxy != nil {
		s.proxy.Stop()
	}
	if s.answerer != nil {
		s.answerer.Stop()
	}
	return s.cluster.Stop()
}
