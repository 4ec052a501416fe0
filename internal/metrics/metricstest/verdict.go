package metricstest

import (
	"errors"

	"flagger.app/flagger/internal/metrics"
)

// Verdict is what the port tells apart.
type Verdict string

// The verdicts. Those who ask count NoData and BadQuery as failed checks; ProviderError is not counted.
const (
	Value         Verdict = "a value"
	NoData        Verdict = "no data"
	BadQuery      Verdict = "a bad query"
	ProviderError Verdict = "a provider error"
)

// VerdictOn returns the verdict that a query with this error gets.
func VerdictOn(err error) Verdict {
	switch {
	case err == nil:
		return Value
	case errors.Is(err, metrics.ErrNoData):
		return NoData
	case errors.Is(err, metrics.ErrQuery):
		return BadQuery
	}
	return ProviderError
}
