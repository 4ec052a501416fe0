package controller_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/controller"
	"flagger.app/flagger/internal/metrics"
)

// shelf is a client.Reader of a few objects. It cannot list, as the Measurer must not.
type shelf struct {
	client.Reader
	templates map[string]v1beta1.MetricTemplate
	secrets   map[string]corev1.Secret
	broken    error
}

func (s *shelf) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	if s.broken != nil {
		return s.broken
	}
	name, found := key.Name+"."+key.Namespace, false
	switch into := into.(type) {
	case *v1beta1.MetricTemplate:
		*into, found = s.templates[name]
	case *corev1.Secret:
		*into, found = s.secrets[name]
	}
	if !found {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "things"}, key.Name)
	}
	return nil
}

// backend is a metrics provider with scripted answers, and its own factory.
type backend struct {
	value  float64
	err    error
	refuse error // what the factory answers

	queries  []string
	built    []metrics.Config
	closed   int
	deadline time.Duration
}

func (b *backend) make(cfg metrics.Config) (metrics.Provider, error) {
	if b.refuse != nil {
		return nil, b.refuse
	}
	b.built = append(b.built, cfg)
	return b, nil
}

func (b *backend) Query(ctx context.Context, query string) (float64, error) {
	b.queries = append(b.queries, query)
	if end, ok := ctx.Deadline(); ok {
		b.deadline = time.Until(end)
	}
	return b.value, b.err
}

func (b *backend) Online(ctx context.Context) error {
	_, err := b.Query(ctx, "online")
	return err
}

func (b *backend) CloseIdleConnections() { b.closed++ }

// bench is a Measurer with all that it meets.
type bench struct {
	backend
	templates, secrets shelf
	options            controller.MeasurerOptions
	recorded           []string
	canary             *v1beta1.Canary
}

func newBench(entries ...v1beta1.CanaryMetric) *bench {
	b := &bench{canary: &v1beta1.Canary{
		ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "prod"},
		Spec: v1beta1.CanarySpec{
			TargetRef: v1beta1.LocalObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "podinfo"},
			Analysis:  &v1beta1.CanaryAnalysis{Metrics: entries},
		},
	}}
	b.templates.templates = map[string]v1beta1.MetricTemplate{}
	for _, at := range []string{"prod", "other"} {
		b.templates.templates["errors."+at] = v1beta1.MetricTemplate{Spec: v1beta1.MetricTemplateSpec{
			Provider: v1beta1.MetricTemplateProvider{Type: "prometheus", Address: "http://prom"},
			Query:    "errors{{ printf `{%s}[%s]` target interval }}",
		}}
	}
	b.options = controller.MeasurerOptions{
		Templates: &b.templates, Secrets: &b.secrets,
		Providers:     map[string]metrics.Factory{"prometheus": b.make},
		MetricsServer: "http://me:s3cret@server:9090", MeshProvider: "kubernetes",
		Record: func(c *v1beta1.Canary, metric string, value float64) {
			b.recorded = append(b.recorded, fmt.Sprintf("%s %s %v", c.Name, metric, value))
		},
	}
	return b
}

// template changes the template of the canary's own namespace.
func (b *bench) template(change func(*v1beta1.MetricTemplateSpec)) {
	t := b.templates.templates["errors.prod"]
	change(&t.Spec)
	b.templates.templates["errors.prod"] = t
}

func (b *bench) withSecret(version, token string) {
	b.template(func(s *v1beta1.MetricTemplateSpec) {
		s.Provider.SecretRef = &corev1.LocalObjectReference{Name: "creds"}
	})
	b.secrets.secrets = map[string]corev1.Secret{"creds.prod": {
		ObjectMeta: metav1.ObjectMeta{ResourceVersion: version},
		Data:       map[string][]byte{"token": []byte(token)},
	}}
}

func upTo(high float64) *v1beta1.CanaryThresholdRange {
	return &v1beta1.CanaryThresholdRange{Max: &high}
}

func refTo(namespace string) *v1beta1.CrossNamespaceObjectReference {
	return &v1beta1.CrossNamespaceObjectReference{Name: "errors", Namespace: namespace}
}

var (
	rateMetric     = v1beta1.CanaryMetric{Name: "request-success-rate", Threshold: 99}
	durationMetric = v1beta1.CanaryMetric{Name: "request-duration", ThresholdRange: upTo(500)}
	inlineMetric   = v1beta1.CanaryMetric{Name: "lag", Query: "lag[{{ interval }}]", ThresholdRange: upTo(5)}
	customMetric   = v1beta1.CanaryMetric{Name: "errors", TemplateRef: refTo(""), ThresholdRange: upTo(5)}

	errRefused = metrics.BadQuery(errors.New("parse error"))
	errDown    = errors.New("request failed: connection refused")
)
