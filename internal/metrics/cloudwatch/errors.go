package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/httpapi"
)

// badQueries are the codes of refusals that a change of the query mends.
var badQueries = []string{
	"InvalidParameterCombination", "InvalidParameterCombinationException",
	"InvalidParameterValue", "InvalidParameterValueException",
	"MissingParameter", "MissingRequiredParameterException",
	"ValidationError", "ValidationException",
}

// failure returns the SDK's error as one that can be shown, without the ids of requests, and says whose fault it is.
func failure(err error) error {
	var incomplete smithy.InvalidParamsError
	var refusal smithy.APIError
	var unreadable *smithy.DeserializationError
	switch {
	case errors.As(err, &incomplete):
		return metrics.BadQuery(errors.New(httpapi.Excerpt(incomplete.Error())))
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded
	case errors.As(err, &refusal):
		return refused(err, refusal)
	case errors.As(err, &unreadable):
		return fmt.Errorf("unreadable answer%s", statusOf(err))
	}
	return unsent(err)
}

// refused returns the text of a refusal. What follows its first line repeats the request, and with it credentials.
// A refusal that another service gave on the way, while credentials were fetched, is not the query's fault.
func refused(err error, refusal smithy.APIError) error {
	message, _, _ := strings.Cut(refusal.ErrorMessage(), "\n")
	shown := errors.New(strings.TrimSuffix(refusal.ErrorCode()+": "+httpapi.Excerpt(message), ": "))
	if slices.Contains(badQueries, refusal.ErrorCode()) && !onTheWay(err) {
		return metrics.BadQuery(shown)
	}
	return shown
}

// onTheWay says whether err is of a call that the SDK made before ours.
func onTheWay(err error) bool {
	var ours, theirs *smithy.OperationError
	return errors.As(err, &ours) && errors.As(ours.Err, &theirs)
}

// statusOf returns the status of an answer, unless it is a success.
func statusOf(err error) string {
	var answer *awshttp.ResponseError
	if !errors.As(err, &answer) || answer.HTTPStatusCode() < http.StatusBadRequest {
		return ""
	}
	return fmt.Sprintf(": Status %d %s", answer.HTTPStatusCode(), http.StatusText(answer.HTTPStatusCode()))
}

// unsent returns the text of a request that got no answer.
func unsent(err error) error {
	var call *smithy.OperationError
	if errors.As(err, &call) {
		err = call.Err
	}
	return errors.New(httpapi.Excerpt(httpapi.Shown(err).Error()))
}
