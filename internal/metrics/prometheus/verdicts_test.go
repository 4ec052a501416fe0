package prometheus

import (
	"fmt"
	"testing"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/metricstest"
)

// instant is the answer to an instant query, with these samples.
func instant(samples string) string {
	return fmt.Sprintf(`{"status":"success","data":{"resultType":"vector","result":[%s]}}`, samples)
}

func backend() metricstest.Backend {
	return metricstest.Backend{
		New: func(t *testing.T, address string) metrics.Provider {
			return provider(t, address, secret("username", "me", "password", metricstest.Secret))
		},
		Query: "sum(rate(http_requests_total[1m]))",
		Answers: metricstest.Answers{
			Value:         metricstest.Body(instant(`{"metric":{},"value":[1700000000,"99.5"]}`)),
			SeveralSeries: metricstest.Body(instant(`{"metric":{"a":"1"},"value":[1700000000,"1"]},{"metric":{"a":"2"},"value":[1700000000,"99.5"]}`)),
			Empty:         metricstest.Body(instant("")),
			Null:          metricstest.Body(instant(`{"metric":{},"value":[1700000000,null]}`)),
			NaN:           metricstest.Body(instant(`{"metric":{},"value":[1700000000,"NaN"]}`)),
		},
	}
}

func TestVerdicts(t *testing.T) { metricstest.Run(t, backend()) }

func TestLeaks(t *testing.T) { metricstest.Leaks(t, backend()) }
