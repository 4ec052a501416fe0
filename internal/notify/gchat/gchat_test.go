package gchat

import (
	"testing"

	"flagger.app/flagger/internal/notify/notifytest"
)

func TestRequests(t *testing.T) {
	notifytest.Run(t, Row(), "gchat", "/v1/spaces/1/messages?key=k&token=s3cret")
}
