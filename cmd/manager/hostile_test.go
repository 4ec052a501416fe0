package main

import (
	"context"
	"math"
	"slices"
	"testing"

	"k8s.io/client-go/rest"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/test/security"
)

// elsewhere are the metrics providers that go to no address of a template: to the clouds of their names, or the operator's
// own API server.
var elsewhere = []string{"cloudwatch", "stackdriver", "keptn"}

// allCredentials satisfy every provider that takes an address.
func allCredentials(value string) map[string][]byte {
	credentials := map[string][]byte{"org": []byte("org"), "newrelic_account_id": []byte("1")}
	for _, key := range []string{
		"token", "username", "password", "datadog_api_key", "datadog_application_key", "newrelic_query_key", "dynatrace_token",
		"sf_token_key",
	} {
		credentials[key] = []byte(value)
	}
	return credentials
}

// Whatever a tenant puts at the address of a MetricTemplate, asking it costs a bounded time and memory, and is an error.
// The table of providers is the operator's own, so a new one is held against this from its first day.
func TestHostileMetricsEndpoint(t *testing.T) {
	for kind, factory := range metricProviders(&rest.Config{Host: "http://127.0.0.1:1"}) {
		if slices.Contains(elsewhere, kind) {
			continue
		}
		for name, endpoint := range security.Endpoints {
			t.Run(kind+"/"+name, func(t *testing.T) {
				provider, err := factory(metrics.Config{
					Provider: v1beta1.MetricTemplateProvider{
						Type: kind, Address: security.Serve(t, endpoint), InsecureSkipVerify: true,
					},
					Credentials: allCredentials("s3cret"),
				})
				if err != nil {
					t.Fatal(err)
				}
				ask(t, provider)
			})
		}
	}
}

// ask puts both questions to a provider, which must fail early and cheaply.
func ask(t *testing.T, provider metrics.Provider) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*security.Patience)
	defer cancel()
	value := math.NaN()
	var failed, offline error
	allocated := security.Allocated(func() {
		value, failed = provider.Query(ctx, "up")
		offline = provider.Online(ctx)
	})
	if failed == nil {
		t.Errorf("what is no answer must not be taken for the value %v", value)
	}
	if allocated > 2*security.Appetite {
		t.Errorf("two questions cost %d MB", allocated>>20)
	}
	for _, err := range []error{failed, offline} {
		if err != nil && len(err.Error()) > 1024 {
			t.Errorf("events show little of what an endpoint says, not %d bytes", len(err.Error()))
		}
	}
}
