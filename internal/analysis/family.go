package analysis

import (
	"embed"
	"errors"
	"fmt"
	"maps"
	"path"
	"strings"
	"time"

	"flagger.app/flagger/api/v1beta1"
)

const (
	// RequestSuccessRate is the builtin share of requests without a server error, in percent.
	RequestSuccessRate = "request-success-rate"
	// RequestDuration is the builtin 99th percentile of the time a request takes.
	RequestDuration = "request-duration"

	// serviceSuffix marks the metrics provider of a plain Service target.
	serviceSuffix = ":service"
)

// ErrUnsupported says that there are no builtin queries for a metrics provider.
var ErrUnsupported = errors.New("no builtin query")

// queries holds <family>/<builtin metric>.promql.
//
//go:embed queries
var queries embed.FS

// Family is how the builtin metrics are measured with one kind of metrics provider.
type Family struct {
	// Folder of queries.
	Folder string
	// Unit is what 1 means in the result of a request-duration query.
	Unit time.Duration
	// PlainNoValues keeps the words "running query failed" out of the text about missing values.
	PlainNoValues bool
}

// families selects a family by the name of the metrics provider; the first match counts.
var families = []struct {
	matches func(provider string) bool
	family  Family
}{
	{named("kubernetes"), application},
	{startingWith("gatewayapi"), application},
	{startingWith("appmesh"), proxied("appmesh")},
	{startingWith("gloo"), proxied("gloo")},
	{startingWith("smi"), proxied("istio")},
	{named("istio"), proxied("istio")},
	{named("linkerd"), proxied("linkerd")},
	{named("contour"), proxied("contour")},
	{named("nginx"), proxied("nginx")},
	{named("skipper"), proxied("skipper")},
	{named("traefik"), proxied("traefik")},
	{named("osm"), proxied("osm")},
	{named("kuma"), proxied("kuma")},
	{named("apisix"), proxied("apisix")},
	{named("knative"), proxied("knative")},
}

// application is the family whose metrics are the application's own.
var application = Family{Folder: "http", Unit: time.Second, PlainNoValues: true}

// proxied is a family whose metrics are a proxy's.
func proxied(folder string) Family { return Family{Folder: folder, Unit: time.Millisecond} }

func named(name string) func(string) bool {
	return func(provider string) bool { return provider == name }
}

func startingWith(prefix string) func(string) bool {
	return func(provider string) bool { return strings.HasPrefix(provider, prefix) }
}

// IsBuiltin says whether a metric of that name needs no query of its own.
func IsBuiltin(metric string) bool {
	return metric == RequestSuccessRate || metric == RequestDuration
}

// ProviderName returns the name of the metrics provider of c, given the operator's -mesh-provider. It stands in
// event texts and selects the Family.
func ProviderName(meshProvider string, c *v1beta1.Canary) string {
	name := meshProvider
	if strings.Contains(meshProvider, "crossover") {
		name = "crossover"
	}
	if c.Spec.Provider != "" {
		name = c.Spec.Provider
		if strings.Contains(meshProvider, "linkerd") {
			name = "linkerd" // a mesh of all pods sees the requests that an ingress provider only routes
		}
	}
	target := c.Spec.TargetRef
	if target.Kind == "Service" && !strings.HasPrefix(target.APIVersion, "serving.knative.dev/") {
		name += serviceSuffix
	}
	return name
}

// FamilyOf returns the family that measures a builtin metric for a name that ProviderName returned. It returns
// ErrUnsupported, wrapped, where there is none; the error names the metric and the provider.
func FamilyOf(provider, metric string) (Family, error) {
	base := strings.TrimSuffix(provider, serviceSuffix)
	for _, row := range families {
		if row.matches(base) {
			return row.family, nil
		}
	}
	return Family{}, fmt.Errorf("%w for metric %s: unknown metrics provider %s", ErrUnsupported, metric, provider)
}

// Query returns the query for a builtin metric. For Knative, m.Route must be the latest created revision.
func (f Family) Query(metric string, m Model) (string, error) {
	text, err := queries.ReadFile(path.Join("queries", f.Folder, metric+".promql"))
	if err != nil {
		return "", fmt.Errorf("read builtin query: %w", err)
	}
	functions := m.functions()
	maps.Copy(functions, m.selectors())
	return m.render(string(text), functions)
}
