package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/prometheus"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/telemetry"
	"flagger.app/flagger/internal/workload/configs"
)

// gracePeriod is what is left to end work in hand. The rest of the 30 s that a pod has is for the last traces.
const gracePeriod = 25 * time.Second

// run is the operator's life, until ctx ends or something goes wrong.
func run(ctx context.Context, o *options, logger *zap.Logger) error {
	log := zapr.NewLogger(logger)
	log.Info(fmt.Sprintf("Starting flagger version %s revision %s mesh provider %s", buildVersion, buildRevision, o.meshProvider))
	routers := router.NewRegistry(routingProviders(o))
	err := o.validate(func(meshProvider string) error {
		_, err := routers.Lookup(meshProvider)
		return err
	})
	if err != nil {
		return err
	}
	metricsServer, err := prometheus.New(metrics.Config{
		Provider: v1beta1.MetricTemplateProvider{Type: "prometheus", Address: o.metricsServer},
	})
	if err != nil {
		return failf("Error building prometheus client: %v", err)
	}
	cfg, err := connect(o)
	if err != nil {
		return err
	}
	if err := checkCluster(ctx, cfg, o.namespace, log); err != nil {
		return err
	}
	lock, cfg, err := elect(cfg, o, log)
	if err != nil {
		return err
	}
	mgr, err := newManager(cfg, o, lock, log)
	if err != nil {
		return err
	}
	recorder := telemetry.New(buildVersion, o.meshProvider)
	events, err := addEvents(mgr, log, recorder.EventUnwritten)
	if err != nil {
		return err
	}
	tracer, err := telemetry.NewTracer(ctx, o.otlpEndpoint, buildVersion, log)
	if err != nil {
		return failf("-otlp-endpoint: %v", err)
	}
	op := operator{
		Manager:   mgr,
		options:   o,
		routers:   routers,
		telemetry: recorder,
		tracer:    tracer,
		events:    events,
		log:       log,
	}
	err = errors.Join(op.addServer(), op.addPing(metricsServer), op.addInformers(ctx), op.addController(ctx), op.addMilestones(),
		op.Add(onEveryInstance(trim)))
	if err != nil {
		return err
	}
	return op.start(ctx)
}

// cacheOptions are those of a cluster's cache, which holds one namespace alone where that is not empty.
func cacheOptions(namespace string) cache.Options {
	o := cache.Options{
		DefaultTransform: kube.Pack,
		ByObject: map[client.Object]cache.ByObject{
			configs.ConfigMap.Metadata(): {Transform: configs.Transform},
			configs.Secret.Metadata():    {Transform: configs.Transform},
		},
	}
	if namespace != "" {
		o.DefaultNamespaces = map[string]cache.Config{namespace: {}}
	}
	return o
}

// clientOptions are those of a client that reads from such a cache.
func clientOptions() client.Options {
	consistent := true
	return client.Options{Cache: &client.CacheOptions{
		Unstructured: true,
		// Configs and secrets are read one by one when needed, never listed into memory.
		DisableFor: []client.Object{&corev1.ConfigMap{}, &corev1.Secret{}},
		// Nothing is decided upon a state older than our own last write.
		EnableReadYourWritesConsistency: &consistent,
	}}
}

// newManager returns a manager with caches, clients and, where there is a lock, leader election, and without servers of its
// own.
func newManager(cfg *rest.Config, o *options, lock resourcelock.Interface, log logr.Logger) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1beta1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("build scheme: %w", err)
		}
	}
	lease, renew, retry, grace := leaseDuration, renewDeadline, retryPeriod, gracePeriod
	mgr, err := ctrl.NewManager(cfg, manager.Options{
		Scheme:                              scheme,
		Logger:                              log,
		Cache:                               cacheOptions(o.namespace),
		Client:                              clientOptions(),
		Metrics:                             metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress:              "0",
		LeaderElection:                      o.leaderElection,
		LeaderElectionID:                    leaseName,
		LeaderElectionReleaseOnCancel:       true,
		LeaderElectionResourceLockInterface: lock,
		LeaseDuration:                       &lease,
		RenewDeadline:                       &renew,
		RetryPeriod:                         &retry,
		GracefulShutdownTimeout:             &grace,
	})
	if err != nil {
		return nil, fmt.Errorf("build manager: %w", err)
	}
	return mgr, nil
}
