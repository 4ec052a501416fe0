package courier

import (
	"testing"

	"flagger.app/flagger/test/security"
)

// Receivers are tenants' to choose, so whatever one does to a letter takes no longer than a letter may and little memory.
func TestHostileReceiver(t *testing.T) {
	for name, endpoint := range security.Endpoints {
		t.Run(name, func(t *testing.T) {
			l := letter(security.Serve(t, endpoint))
			l.Timeout, l.Retries = security.Patience, 1
			var answer Answer
			var failed error
			allocated := security.Allocated(func() { answer, failed = impatient().Send(t.Context(), l) })
			if failed == nil && answer.OK() && answer.Unread == nil && len(answer.Body) < bodyLimit {
				t.Errorf("an answer that is cut short is told to be: got %+v", answer)
			}
			if len(answer.Excerpt()) > excerptLimit || failed != nil && len(failed.Error()) > 2*excerptLimit {
				t.Errorf("little of what a receiver says is shown: got %q, %v", answer.Excerpt(), failed)
			}
			if allocated > security.Appetite/10 {
				t.Errorf("a letter cost %d kB", allocated>>10)
			}
		})
	}
}
