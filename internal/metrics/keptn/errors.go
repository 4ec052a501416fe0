package keptn

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/httpapi"
)

// shown returns what the API server said to a request, or why it did not, as users may see it.
func shown(err error) error {
	var status apierrors.APIStatus
	var network *url.Error
	switch {
	case errors.As(err, &status):
		refusal := errors.New(httpapi.Excerpt(err.Error()))
		if code := status.Status().Code; code == http.StatusBadRequest || code == http.StatusUnprocessableEntity {
			return metrics.BadQuery(refusal)
		}
		return refusal
	case errors.As(err, &network), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return httpapi.Shown(err)
	}
	return errors.New("the API server's answer is not understood")
}
