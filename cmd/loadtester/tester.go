package main

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/daemon"
	"flagger.app/flagger/internal/loadtester"
	"flagger.app/flagger/internal/loadtester/gate"
)

// run is the load tester's life, until ctx ends or something goes wrong. It leaves no task behind.
func run(ctx context.Context, o *options, log logr.Logger) error {
	log.Info(fmt.Sprintf("Starting load tester v%s API on port %s", strings.TrimPrefix(buildVersion, "v"), o.port))
	if err := o.validate(); err != nil {
		return err
	}
	tasks, stop := context.WithCancel(ctx)
	defer stop()
	tester, err := newTester(tasks, o, log)
	if err != nil {
		return err
	}
	address, err := daemon.Address(o.port)
	if err != nil {
		return fmt.Errorf("-port: %w", err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("start HTTP server: %w", err)
	}
	log.Info("starting server", "addr", listener.Addr().String())
	err = server{handler: tester, listener: listener, grace: shutdownTimeout, log: log}.serve(ctx)
	stop()
	tester.Wait()
	log.Info("all tasks have ended")
	return err
}

// newTester returns a load tester with the gates and the rights that the options ask for. Its background tasks end with
// ctx.
func newTester(ctx context.Context, o *options, log logr.Logger) (*loadtester.Tester, error) {
	namespaces, err := o.namespaces()
	if err != nil {
		return nil, fmt.Errorf("-namespace-regexp: %w", err)
	}
	token, err := o.token()
	if err != nil {
		return nil, err
	}
	gates, err := newGates(o)
	if err != nil {
		return nil, err
	}
	return loadtester.New(ctx, loadtester.Options{
		Gates:      gates,
		TaskLimit:  o.timeout,
		MostTasks:  o.maxTasks,
		Namespaces: namespaces,
		Token:      token,
		KeyFolder:  o.concordKeys,
		Log:        log,
		Clock:      clock.RealClock{},
	}), nil
}

// newGates returns the store of the gates. With a ConfigMap it needs a cluster, which is not asked before the first
// request.
func newGates(o *options) (gate.Store, error) {
	name, err := o.gates()
	if err != nil {
		return nil, fmt.Errorf("-gates-configmap: %w", err)
	}
	if name == (types.NamespacedName{}) {
		return &gate.Memory{}, nil
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("Error building kubeconfig: %w", err)
	}
	cfg.QPS, cfg.Burst = 100, 250
	cfg.UserAgent = "flagger-loadtester/" + buildVersion
	c, err := client.New(cfg, client.Options{})
	if err != nil {
		return nil, fmt.Errorf("Error building kubernetes clientset: %w", err)
	}
	return gate.NewConfigMap(c, name), nil
}
