//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"flagger.app/flagger/test/lab/podserver"
	"flagger.app/flagger/test/lab/standin"
)

const (
	stepTimeout  = 90 * time.Second // of one step of the bring-up; each takes seconds
	stepInterval = 100 * time.Millisecond
)

// bringUp starts the components of one lab in order.
type bringUp struct {
	settings
	now      func() time.Time
	progress io.Writer
	failures chan error // a component's end; any of them ends the lab
	admin    *rest.Config
	objects  client.Client
}

// run returns when the lab can be used. Each step ends with a line of progress.
func (b *bringUp) run(ctx context.Context) error {
	started := b.now()
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{name: "network and folders", do: b.prepare},
		{name: "etcd and kube-apiserver", do: b.startAPIServer},
		{name: "controllers, scheduler, kwok", do: b.startControllers},
		{name: "pod server and Prometheus", do: b.startPods},
		{name: "proxies", do: b.startProxies},
		{name: "all of it ready", do: b.settle},
	}
	for _, step := range steps {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		b.say("%-34s %5.1f s", step.name, b.now().Sub(started).Seconds())
	}
	return nil
}

func (b *bringUp) say(format string, arguments ...any) {
	_, _ = fmt.Fprintf(b.progress, "lab: "+format+"\n", arguments...) // nobody reads: nothing is lost
}

func (b *bringUp) prepare(context.Context) error {
	if err := mountProc(); err != nil {
		b.say("goes on without its own /proc: %v", err)
	}
	if err := setUpNetwork(); err != nil {
		return refusal(err)
	}
	return writeConfiguration(b.settings)
}

func (b *bringUp) launch(components ...component) error {
	for _, c := range components {
		if err := launch(b.settings, c, b.failures); err != nil {
			return err
		}
	}
	return nil
}

// await calls ready until it returns nil, a component ends or the step has taken too long.
func (b *bringUp) await(ctx context.Context, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	tick := time.NewTicker(stepInterval)
	defer tick.Stop()
	last := errors.New("never asked")
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), last)
		case err := <-b.failures:
			return err
		case <-tick.C:
			if last = ready(ctx); last == nil {
				return nil
			}
		}
	}
}

func (b *bringUp) startAPIServer(ctx context.Context) error {
	if err := b.launch(etcd(), apiserver(b.APIServerPort)); err != nil {
		return err
	}
	if err := b.await(ctx, b.apiserverReady); err != nil {
		return err
	}
	var err error
	if b.objects, err = client.New(b.admin, client.Options{}); err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	return writeKubeconfigs(b.settings, b.admin)
}

func (b *bringUp) apiserverReady(ctx context.Context) error {
	var err error
	if b.admin, err = adminConfig(b.settings); err != nil {
		return err
	}
	web, err := rest.HTTPClientFor(b.admin)
	if err != nil {
		return fmt.Errorf("make an HTTP client: %w", err)
	}
	defer web.CloseIdleConnections()
	return answers(ctx, web, b.admin.Host+"/readyz")
}

// answers returns nil if a GET of url is answered 200.
func answers(ctx context.Context, web *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	answer, err := web.Do(request)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("ask %s: status %d", url, answer.StatusCode)
	}
	return nil
}

func (b *bringUp) startControllers(context.Context) error {
	return b.launch(controllerManager(), scheduler(), kwok())
}

// startPods starts the pod server, which lives in this process, and Prometheus, which scrapes it.
func (b *bringUp) startPods(ctx context.Context) error {
	pods := podserver.New(podserver.Options{Now: b.now, Wait: wait})
	if err := pods.Watch(ctx, b.admin); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", podsAddress)
	if err != nil {
		return fmt.Errorf("listen for pods: %w", err)
	}
	metrics, err := net.Listen("tcp", podMetricsAddress)
	if err != nil {
		return fmt.Errorf("listen for the pods' metrics: %w", err)
	}
	go func() { b.failures <- pods.Serve(ctx, listener) }()
	go func() { b.failures <- serve(metrics, pods.MetricsHandler()) }()
	return b.launch(prometheus())
}

func serve(listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: podserver.FirstRequest}
	return server.Serve(listener)
}

func wait(ctx context.Context, latency time.Duration) {
	timer := time.NewTimer(latency)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// startProxies starts Traefik, if that is wanted, and the stand-in for other proxies, which lives in this process.
func (b *bringUp) startProxies(ctx context.Context) error {
	options := envtest.CRDInstallOptions{Paths: b.CRDs, ErrorIfPathMissing: true}
	if _, err := envtest.InstallCRDs(b.admin, options); err != nil {
		return fmt.Errorf("apply the proxies' CRDs: %w", err)
	}
	if err := b.apply(ctx, "manifests/cluster.yaml"); err != nil {
		return err
	}
	proxy := standin.New(standin.Options{Now: b.now})
	if err := proxy.Watch(ctx, b.admin); err != nil {
		return err
	}
	for address, handler := range map[string]http.Handler{standinAddress: proxy, standinMetrics: proxy.MetricsHandler()} {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("listen for the stand-in: %w", err)
		}
		go func() { b.failures <- serve(listener, handler) }()
	}
	if b.NoProxy {
		return nil
	}
	return b.launch(traefik())
}

func (b *bringUp) settle(ctx context.Context) error {
	wanted := []func(context.Context) error{b.nodesReady, b.accountsMade, prometheusReady}
	if !b.NoProxy {
		wanted = append(wanted, b.gatewayProgrammed)
	}
	for _, ready := range wanted {
		if err := b.await(ctx, ready); err != nil {
			return err
		}
	}
	return nil
}

func prometheusReady(ctx context.Context) error {
	return answers(ctx, http.DefaultClient, "http://"+prometheusAddress+"/-/ready")
}
