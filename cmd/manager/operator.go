package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/controller"
	"flagger.app/flagger/internal/daemon"
	"flagger.app/flagger/internal/hook"
	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/notify"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/telemetry"
	"flagger.app/flagger/internal/workload"
	"flagger.app/flagger/internal/workload/configs"
	"flagger.app/flagger/internal/workload/scaler"
)

const (
	// concurrency is how many canaries are worked on at the same time unless -threadiness asks for more. Most of
	// them wait for a hook or a query, and none may hold up the others: a namespace alone gets half of them (package fair).
	concurrency = 128
	// pingTimeout limits the look at the metrics server at start.
	pingTimeout = 5 * time.Second
)

// onEveryInstance is work that needs no leadership. It starts once the caches are in sync.
type onEveryInstance func(context.Context) error

// Start does the work.
func (f onEveryInstance) Start(ctx context.Context) error { return f(ctx) }

// NeedLeaderElection returns false.
func (onEveryInstance) NeedLeaderElection() bool { return false }

// operator is a manager and everything that is put into it.
type operator struct {
	ctrl.Manager
	options   *options
	routers   *router.Registry
	telemetry *telemetry.Recorder
	tracer    *telemetry.Tracer
	events    record.EventRecorder
	log       logr.Logger
}

// addServer serves HTTP on every instance. The port is taken now, so that a busy one is told at once.
func (op operator) addServer() error {
	address, err := daemon.Address(op.options.port)
	if err != nil {
		return fmt.Errorf("-port: %w", err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("start HTTP server: %w", err)
	}
	ready := &atomic.Bool{}
	mux := endpoints(op.telemetry.Handler(), ready)
	if op.options.pprof {
		addProfiles(mux)
	}
	op.log.Info("Starting HTTP server on port " + op.options.port)
	if err := op.Add(newServer(mux, listener, op.log)); err != nil {
		return fmt.Errorf("add HTTP server: %w", err)
	}
	return op.Add(onEveryInstance(func(context.Context) error {
		ready.Store(true)
		op.log.Info("Caches are in sync")
		return nil
	}))
}

// addPing tells the log, on every instance, whether the metrics server can be reached. It is no reason to stop if not.
func (op operator) addPing(server metrics.Provider) error {
	address := op.options.metricsServer
	if u, err := url.Parse(address); err == nil {
		address = u.Redacted()
	}
	return op.Add(onEveryInstance(func(ctx context.Context) error {
		limited, cancel := context.WithTimeout(ctx, pingTimeout)
		defer cancel()
		err := server.Online(limited)
		switch {
		case err == nil:
			op.log.Info("Connected to metrics server " + address)
		case ctx.Err() == nil: // else we are being stopped, which says nothing about the server
			op.log.Error(nil, fmt.Sprintf("Metrics server %s unreachable %v", address, err))
		}
		return nil
	}))
}

// addInformers fills the caches on every instance before it is ready, so that a new leader starts at once.
func (op operator) addInformers(ctx context.Context) error {
	for _, kind := range []client.Object{
		&v1beta1.Canary{}, &v1beta1.MetricTemplate{}, &v1beta1.AlertProvider{}, &appsv1.Deployment{}, &appsv1.DaemonSet{}, &corev1.Service{},
	} {
		if _, err := op.GetCache().GetInformer(ctx, kind, cache.BlockUntilSynced(false)); err != nil {
			return fmt.Errorf("add informer of %T: %w", kind, err)
		}
	}
	return nil
}

// addController runs the reconciler, and what delivers its events and alerts, on the leader.
func (op operator) addController(ctx context.Context) error {
	hooks := hook.New(hook.Options{
		GlobalEventURL: op.options.eventWebhook,
		Log:            op.log,
		Dropped:        op.telemetry.EventDropped,
	})
	alerts := op.notifier()
	mesh, err := op.mesh()
	if err != nil {
		return err
	}
	workloads := op.workloads()
	reconciler, err := controller.New(controller.Options{
		Client:       op.GetClient(),
		Routers:      op.routers,
		MeshProvider: op.options.meshProvider,
		Mesh:         mesh,
		Targets:      targetKinds(workloads),
		Services:     serviceKinds(workloads),
		Scaler:       workloads.Scaler,
		Configs:      workloads.Configs,
		Checks:       op.checks(),
		Hooks:        hooks,
		Alert:        alerts.Alert,
		Recorder:     op.events,
		Telemetry:    op.telemetry,
		Tracer:       op.tracer,
		Settings: rollout.Settings{
			Drain:                op.options.drainPeriod,
			Settle:               op.options.settlePeriod,
			NoCrossNamespaceRefs: op.options.noCrossNamespaceRefs,
		},
		Clock:       clock.RealClock{},
		Census:      op.options.controlLoopInterval,
		Concurrency: max(op.options.threadiness, concurrency),
	})
	if err != nil {
		return fmt.Errorf("build reconciler: %w", err)
	}
	if err := reconciler.SetupWithManager(ctx, op); err != nil {
		return fmt.Errorf("set up reconciler: %w", err)
	}
	return errors.Join(op.Add(manager.RunnableFunc(hooks.Run)), op.Add(manager.RunnableFunc(alerts.Run)))
}

// notifier sends alerts. Secrets are read one by one, past the caches.
func (op operator) notifier() *notify.Notifier {
	global, token := op.options.globalChat()
	return notify.New(notify.Options{
		Services:             chatServices(),
		Providers:            op.GetClient(),
		Secrets:              op.GetAPIReader(),
		Global:               global,
		GlobalToken:          token,
		ClusterName:          op.options.clusterName,
		NoCrossNamespaceRefs: op.options.noCrossNamespaceRefs,
		Log:                  op.log,
		Dropped:              op.telemetry.AlertDropped,
	})
}

// workloads are what the adapters of targets are made from.
func (op operator) workloads() workload.Options {
	prefixes := splitList(op.options.includeLabelPrefix)
	o := workload.Options{
		Client:             op.GetClient(),
		Live:               op.GetAPIReader(),
		SelectorLabels:     splitList(op.options.selectorLabels),
		IncludeLabelPrefix: prefixes,
		Scaler:             scaler.New(scaler.Options{Client: op.GetClient()}),
	}
	if op.options.configTracking {
		o.Configs = configs.New(configs.Options{
			Client:             op.GetClient(),
			Live:               op.GetAPIReader(),
			Metadata:           op.GetCache(),
			Namespace:          op.options.namespace,
			IncludeLabelPrefix: prefixes,
		})
	}
	return o
}

// checks answers the questions that cost a query. Secrets are read one by one, past the caches.
func (op operator) checks() controller.Checks {
	return controller.NewMeasurer(controller.MeasurerOptions{
		Templates:            op.GetClient(),
		Secrets:              op.GetAPIReader(),
		Providers:            metricProviders(op.GetConfig()),
		MetricsServer:        op.options.metricsServer,
		MeshProvider:         op.options.meshProvider,
		NoCrossNamespaceRefs: op.options.noCrossNamespaceRefs,
		Record:               op.telemetry.Analysis,
	})
}

// addMilestones tells the log when this instance begins and ends to work.
func (op operator) addMilestones() error {
	return op.Add(manager.RunnableFunc(func(ctx context.Context) error {
		if op.options.leaderElection {
			op.log.Info("Acting as elected leader")
		}
		op.log.Info("Starting operator")
		op.log.Info("Started operator workers")
		<-ctx.Done()
		op.log.Info("Shutting down operator workers")
		return nil
	}))
}

// start runs everything until ctx ends. Losing the leadership is a failure: another instance works by now.
func (op operator) start(ctx context.Context) error {
	for _, kind := range []string{"canary", "metric template", "alert provider"} {
		op.log.Info(fmt.Sprintf("Waiting for %s informer cache to sync", kind))
	}
	if op.options.namespace != "" {
		op.log.Info("Watching namespace " + op.options.namespace)
	}
	err := op.Start(ctx)
	op.log.Info("HTTP server stopped")
	if err != nil && strings.Contains(err.Error(), "leader election lost") { // the library has no value for it
		return failf("Leadership lost")
	}
	op.tracer.Stop(ctx) // not before: the last spans are those of reconciles that were cut short
	return err
}
