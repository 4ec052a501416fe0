package keptn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/httpapi"
)

// version is the API that KeptnMetric and Analysis belong to.
var version = schema.GroupVersion{Group: "metrics.keptn.sh", Version: "v1beta1"}

// requestTime is how long the requests around an analysis may take.
const requestTime = 5 * time.Second

// Provider asks Keptn in one cluster. It keeps its connections and is safe for concurrent use.
type Provider struct {
	client    client.Client
	transport http.RoundTripper
	// namespace is the only one that queries may name; empty means any.
	namespace string
	// poll is how often a running analysis is looked at, patience how long.
	poll, patience time.Duration
}

// NewFactory returns the metrics.Factory for the type keptn: providers of the cluster that own leads to, in which the
// operator may read KeptnMetrics and read, create and delete Analyses.
func NewFactory(own *rest.Config) metrics.Factory {
	return func(metrics.Config) (metrics.Provider, error) {
		transport, err := rest.TransportFor(own)
		if err != nil {
			return nil, fmt.Errorf("connect to the API server: %w", err)
		}
		kinds := meta.NewDefaultRESTMapper(nil)
		kinds.Add(version.WithKind(string(metricKind)), meta.RESTScopeNamespace)
		kinds.AddSpecific(version.WithKind(string(analysisKind)), version.WithResource("analyses"),
			version.WithResource("analysis"), meta.RESTScopeNamespace)
		kube, err := client.New(own, client.Options{HTTPClient: &http.Client{Transport: transport}, Mapper: kinds})
		if err != nil {
			return nil, fmt.Errorf("connect to the API server: %w", err)
		}
		return &Provider{client: kube, transport: transport, poll: time.Second, patience: 10 * time.Second}, nil
	}
}

// Within returns the provider, with its connections, for queries that may name this namespace alone.
func (p *Provider) Within(namespace string) metrics.Provider {
	within := *p
	within.namespace = namespace
	return &within
}

// Patience is how long an analysis may run, and what it takes to start it and to read its end.
func (p *Provider) Patience() time.Duration { return p.patience + requestTime }

// Query reads the metric, or runs the analysis, that query names.
func (p *Provider) Query(ctx context.Context, query string) (float64, error) {
	r, err := parse(query)
	if err != nil {
		return 0, metrics.BadQuery(err)
	}
	if p.namespace != "" && r.namespace != p.namespace {
		return 0, metrics.BadQuery(fmt.Errorf(
			"can't access %s %s/%s, cross-namespace references are blocked", r.kind, r.namespace, r.name))
	}
	if r.kind == analysisKind {
		return p.analyse(ctx, r)
	}
	found := object(r.kind)
	if err := p.client.Get(ctx, types.NamespacedName{Namespace: r.namespace, Name: r.name}, found); err != nil {
		return 0, fmt.Errorf("get %s %s/%s: %w", r.kind, r.namespace, r.name, shown(err))
	}
	return valueOf(found)
}

// Online returns nil: the API server, which is all that can be asked, answers whenever the operator works.
func (p *Provider) Online(context.Context) error { return nil }

// CloseIdleConnections ends the connections that no query uses now.
func (p *Provider) CloseIdleConnections() { utilnet.CloseIdleConnectionsFor(p.transport) }

func object(k kind) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(version.WithKind(string(k)))
	return o
}

// valueOf returns the value of a KeptnMetric.
func valueOf(metric *unstructured.Unstructured) (float64, error) {
	text, _, err := unstructured.NestedString(metric.Object, "status", "value")
	if err != nil {
		return 0, errors.New("status.value is not a string")
	}
	if text == "" {
		problem, _, _ := unstructured.NestedString(metric.Object, "status", "errMsg")
		if problem != "" {
			return 0, errors.New("keptn has no value: " + httpapi.Excerpt(problem))
		}
		return 0, metrics.ErrNoData
	}
	value, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return 0, metrics.BadQuery(errors.New("status.value is not a number"))
	case math.IsNaN(value):
		return 0, metrics.ErrNoData
	}
	return value, nil
}
