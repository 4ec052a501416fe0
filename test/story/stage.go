//go:build linux

package story

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/lab"
)

// Options say what stage to set. All are required.
type Options struct {
	Root     string // the repository's, with the binaries in bin
	State    lab.State
	Lifetime lab.Lifetime
	Progress io.Writer // a line per step
	Now      func() time.Time
	Flags    []string // the operator's, beside those that name the cluster and Prometheus
}

// Stage is a running lab with our CRDs and the operator.
type Stage struct {
	Client   client.WithWatch // an administrator's
	State    lab.State
	Gateway  string // Traefik's URL
	StandIn  string // the URL of the proxy that stands in for others
	Operator *Operator

	now     func() time.Time
	running *lab.Lab
}

// Open brings up the lab, installs our CRDs and starts the operator. When it returns an error nothing is left running.
func Open(ctx context.Context, o Options) (*Stage, error) {
	s, err := OpenEmpty(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := s.furnish(ctx, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// OpenEmpty brings up the lab alone, for those who install the operator as users do. The stage's Operator does not run.
func OpenEmpty(ctx context.Context, o Options) (*Stage, error) {
	running, err := lab.Start(ctx, lab.Options{
		Root: o.Root, State: o.State, Lifetime: o.Lifetime, Progress: o.Progress,
	})
	if err != nil {
		return nil, err
	}
	s := &Stage{
		State:   o.State,
		Gateway: assigned(running.Outside(), "LAB_GATEWAY_URL"),
		StandIn: assigned(running.Outside(), "LAB_STANDIN_URL"),
		Operator: &Operator{
			state:     o.State,
			binary:    filepath.Join(o.Root, "bin", "flagger"),
			arguments: append([]string{"-mesh-provider", "gatewayapi:v1"}, o.Flags...),
		},
		now:     o.Now,
		running: running,
	}
	if s.Client, err = newClient(o.State.Kubeconfig()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Stage) furnish(ctx context.Context, o Options) error {
	started := s.now()
	if err := s.install(ctx, filepath.Join(o.Root, "config", "crd", "bases")); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(o.Progress, "CRDs of the operator established in %.1f s\n", s.now().Sub(started).Seconds())
	return s.Operator.Start()
}

// Outside returns shell assignments that let processes outside use the lab.
func (s *Stage) Outside() []string { return s.running.Outside() }

// Close ends the lab and with it the operator. It returns when none of their processes is left.
func (s *Stage) Close() error { return s.running.Stop() }

// newClient returns a client that knows our kinds, Kubernetes' and Gateway API's, and is not throttled.
func newClient(kubeconfig string) (client.WithWatch, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", kubeconfig, err)
	}
	config.QPS = -1
	config.WarningHandlerWithContext = silent{}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1beta1.AddToScheme, gatewayv1.Install} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("build a scheme: %w", err)
		}
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return c, nil
}

// silent drops the API server's warnings, which would be written across the live view.
type silent struct{}

// HandleWarningHeaderWithContext does nothing.
func (silent) HandleWarningHeaderWithContext(context.Context, int, string, string) {}

// assigned returns a variable of shell assignments.
func assigned(assignments []string, variable string) string {
	for _, assignment := range assignments {
		if value, ok := strings.CutPrefix(assignment, "export "+variable+"="); ok {
			return value
		}
	}
	return ""
}
