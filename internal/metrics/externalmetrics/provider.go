package externalmetrics

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/httpapi"
)

// probe is a metric that nobody has; to look for it is enough.
var probe = metric{namespace: "kube-system", name: "dummy-metric"}

// Provider asks one API server. It keeps its connections and is safe for concurrent use.
type Provider struct {
	*httpapi.Client
	// namespace is the only one that queries may name; empty means any.
	namespace string
}

// NewFactory returns the metrics.Factory for the type externalmetrics. Without an address it makes providers of the
// cluster that own leads to.
func NewFactory(own *rest.Config) metrics.Factory {
	return func(cfg metrics.Config) (metrics.Provider, error) {
		client, err := newClient(cfg, own)
		if err != nil {
			return nil, err
		}
		return &Provider{Client: client}, nil
	}
}

func newClient(cfg metrics.Config, own *rest.Config) (*httpapi.Client, error) {
	token, hasToken := httpapi.SecretValue(cfg, "token")
	var credentials []httpapi.Credential
	if hasToken {
		credentials = append(credentials, httpapi.Token("Authorization", "Bearer", token))
	}
	if cfg.Provider.Address != "" {
		base, err := httpapi.ParseAddress(cfg, "http", "https")
		if err != nil {
			return nil, err
		}
		return httpapi.New(cfg, base, credentials...)
	}
	own = rest.CopyConfig(own)
	if hasToken {
		own = rest.AnonymousClientConfig(own)
	}
	if cfg.Provider.InsecureSkipVerify { // the library refuses this together with an authority
		own.Insecure, own.CAFile, own.CAData = true, "", nil
	}
	base, _, err := rest.DefaultServerUrlFor(own)
	if err != nil {
		return nil, fmt.Errorf("find the API server: %w", err)
	}
	transport, err := rest.TransportFor(own)
	if err != nil {
		return nil, fmt.Errorf("connect to the API server: %w", err)
	}
	return httpapi.NewWithTransport(base, transport, credentials...), nil
}

// Within returns the provider, with its connections, for queries that may name this namespace alone.
func (p *Provider) Within(namespace string) metrics.Provider {
	within := *p
	within.namespace = namespace
	return &within
}

// Query asks for the metric that query names.
func (p *Provider) Query(ctx context.Context, query string) (float64, error) {
	m, err := parse(query)
	if err != nil {
		return 0, metrics.BadQuery(fmt.Errorf("error parsing metric query: %w", err))
	}
	if p.namespace != "" && m.namespace != p.namespace {
		return 0, metrics.BadQuery(fmt.Errorf(
			"can't access metric %s/%s, cross-namespace references are blocked", m.namespace, m.name))
	}
	found, err := p.list(ctx, m)
	if err != nil {
		return 0, fmt.Errorf("error querying external metrics API: %w", err)
	}
	if len(found.Items) == 0 || found.Items[0].Value == nil {
		return 0, fmt.Errorf("no external metrics found: %w", metrics.ErrNoData)
	}
	return found.Items[0].Value.AsApproximateFloat64(), nil
}

// Online asks for a metric, where queries may ask. That the API server has an adapter, which knows no such metric, is
// enough.
func (p *Provider) Online(ctx context.Context) error {
	_, err := p.list(ctx, metric{namespace: cmp.Or(p.namespace, probe.namespace), name: probe.name})
	var unknown notFound
	if err != nil && !errors.As(err, &unknown) {
		return fmt.Errorf("external metrics service unavailable: %w", err)
	}
	return nil
}

// list is the part of an ExternalMetricValueList that counts.
type list struct {
	Items []struct {
		Value *resource.Quantity `json:"value"`
	} `json:"items"`
}

func (p *Provider) list(ctx context.Context, m metric) (list, error) {
	var found list
	err := p.Get(ctx, m.path(), m.arguments(), &found)
	return found, explained(err)
}

// notFound says that the API is there, but not what it was asked for.
type notFound struct{ error }

// Unwrap returns what the API server said.
func (e notFound) Unwrap() error { return e.error }

// explained returns err with the message of the Status that an API server refuses with, instead of the whole object.
func explained(err error) error {
	var refusal *httpapi.Refusal
	var status metav1.Status
	if !errors.As(err, &refusal) || json.Unmarshal([]byte(refusal.Body), &status) != nil || status.Message == "" {
		return err
	}
	message := errors.New(status.Message)
	switch refusal.Status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return metrics.BadQuery(message)
	case http.StatusNotFound:
		return notFound{message}
	}
	return message
}
