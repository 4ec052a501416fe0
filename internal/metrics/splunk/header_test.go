package splunk

import (
	"strings"
	"testing"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/test/security"
)

// The library would read headers for as long as the query may take.
func TestEndlessHandshakeEnds(t *testing.T) {
	p, err := New(metrics.Config{
		Provider:    v1beta1.MetricTemplateProvider{Type: "splunk", Address: security.Serve(t, security.Endpoints["EndlessHeader"])},
		Credentials: map[string][]byte{keyToken: []byte("token")},
	})
	if err != nil {
		t.Fatal(err)
	}
	allocated := security.Allocated(func() { _, err = p.Query(t.Context(), "data('up').publish()") })
	if err == nil || !strings.Contains(err.Error(), errHandshake.Error()) || allocated > 4<<20 {
		t.Errorf("a handshake without an end is given up at its bound: got %v after %d kB", err, allocated>>10)
	}
}
