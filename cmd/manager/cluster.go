package main

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
)

// kubernetesRange is the range of API servers that are worked with.
const kubernetesRange = "^1.11.0"

// failure is why the process cannot go on, in words that users of Flagger know.
type failure struct{ text string }

// Error returns those words.
func (f failure) Error() string { return f.text }

func failf(format string, args ...any) error { return failure{fmt.Sprintf(format, args...)} }

// connect returns the configuration of the API server's clients.
func connect(o *options) (*rest.Config, error) {
	cfg, err := clientcmd.BuildConfigFromFlags(o.master, o.kubeconfig)
	if err != nil {
		return nil, failf("Error building kubeconfig: %v", err)
	}
	cfg.QPS, cfg.Burst = float32(o.qps), o.burst
	cfg.UserAgent = "flagger/" + buildVersion
	return cfg, nil
}

// checkCluster finds out whether our kinds are installed, as far as namespace shows, and the API server is one that we
// can work with.
func checkCluster(ctx context.Context, cfg *rest.Config, namespace string, log logr.Logger) error {
	live, err := client.New(cfg, client.Options{})
	if err != nil {
		return failf("Error building kubernetes clientset: %v", err)
	}
	for _, kind := range []string{v1beta1.CanaryKind, v1beta1.MetricTemplateKind, v1beta1.AlertProviderKind} {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(v1beta1.GroupVersion.WithKind(kind + "List"))
		if err := live.List(ctx, list, client.InNamespace(namespace), client.Limit(1)); err != nil {
			return failf("%s CRD is not registered %v", kind, err)
		}
	}

	dc, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		return failf("Error building discovery client: %v", err)
	}
	server, err := dc.ServerVersion()
	if err != nil {
		return failf("Error calling Kubernetes API: %v", err)
	}
	if !isSupported(server.GitVersion) {
		return failf("Unsupported version of kubernetes detected.  Expected %s, got %s", kubernetesRange, server.GitVersion)
	}
	log.Info("Connected to Kubernetes API " + server.GitVersion)
	return nil
}

// isSupported reports whether an API server's version lies in kubernetesRange; what follows the three numbers does not
// count.
func isSupported(gitVersion string) bool {
	v, err := version.ParseGeneric(gitVersion)
	return err == nil && v.Major() == 1 && v.Minor() >= 11
}
