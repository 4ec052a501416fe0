//go:build e2e && linux

package e2e

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/story"
)

// acceptance asks the canary's own address, which no user can meet yet, for its version. The image has curl for that, which
// the machine of the tests may lack.
const acceptance = `address=$(kubectl -n loadtested get endpoints podinfo-canary -o jsonpath='{.subsets[0].addresses[0].ip}') &&
exec 3<>/dev/tcp/$address/9898 && printf 'GET / HTTP/1.0\r\n\r\n' >&3 && grep -E '6\.[12]\.0' <&3`

// TestReleasesAreLoadTested has the real load tester guard an app without users: what there is to measure, hey sends.
// A release is held before it begins and before its promotion, until somebody opens the gate; the next one is held too,
// and ended by the rollback gate.
func TestReleasesAreLoadTested(t *testing.T) {
	t.Parallel()
	tester, err := stage.StartLoadTester(t.Context(), "loadtester")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tester.Stop() }) // where the story ends too soon
	app := story.App{Namespace: "loadtested", Version: "6.0.0", Replicas: 1}
	app.Change = func(c *v1beta1.Canary) {
		c.Spec.Analysis.Threshold = 3
		c.Spec.Analysis.Metrics = c.Spec.Analysis.Metrics[:1] // how long answers take is the busy machine's affair
		c.Spec.Analysis.Webhooks = webhooks(tester.URL, app.Host())
	}
	Given(t, app, 0).
		When(NewRevision("6.1.0")).
		Then(Held(v1beta1.PhaseWaiting, "Halt podinfo.loadtested advancement waiting for approval start"), NotStarted()).
		When(posted(tester, "/gate/open")).
		Then(Held(v1beta1.PhaseProgressing, "Confirm-rollout check start passed")).
		When(posted(tester, "/gate/close")).
		Then(Held(v1beta1.PhaseWaitingPromotion, "Halt podinfo.loadtested advancement waiting for promotion approval end")).
		When(posted(tester, "/gate/open")).
		Then(
			Promoted(),
			Weighted(25, 50),
			RolledOnce(),
			Said(in(app.Namespace, loadTestedEvents)...),
			Warned(
				"Halt APP advancement waiting for approval start",
				unmeasured,
				"Halt APP advancement waiting for promotion approval end",
			),
		).
		When(NewRevision("6.2.0")).
		Then(Held(v1beta1.PhaseProgressing, "Confirm-rollout check start passed")).
		When(posted(tester, "/gate/close")).
		Then(Held(v1beta1.PhaseWaitingPromotion, "Halt podinfo.loadtested advancement waiting for promotion approval end")).
		When(posted(tester, "/rollback/open")).
		Then(
			RolledBack("6.1.0"),
			Weighted(25, 50),
			Warned(
				unmeasured,
				"Halt APP advancement waiting for promotion approval end",
				"Rollback check undo passed",
				"Rolling back APP manual webhook invoked",
				"Canary failed! Scaling down APP",
			),
			LoadTested(tester),
		)
}

// unmeasured is the warning of the first look at a release, whose load test has only just begun.
const unmeasured = "Halt advancement no values found for gatewayapi:v1 metric request-success-rate probably APP is not receiving traffic: .*"

// loadTestedEvents are the Normal events of a release that every kind of hook has agreed to. The rollback gate tells that
// it is closed once while the release waits and once while it runs.
var loadTestedEvents = slices.Concat(
	[]string{
		"Rollback hook undo not signaling a rollback",
		"Confirm-rollout check start passed",
		canaryEvents[0],
		"Rollback hook undo not signaling a rollback",
		canaryEvents[1],
		"Pre-rollout check acceptance passed",
	},
	canaryEvents[2:4],
	[]string{"Confirm-promotion check end passed"},
	canaryEvents[4:],
)

// webhooks are those of the documentation: gates, an acceptance test and a load test through the lab's gateway.
func webhooks(url, host string) []v1beta1.CanaryWebhook {
	return []v1beta1.CanaryWebhook{
		{Name: "start", Type: v1beta1.HookConfirmRollout, URL: url + "/gate/check"},
		{Name: "acceptance", Type: v1beta1.HookPreRollout, URL: url + "/", Timeout: "1m", Metadata: map[string]string{
			"type": "bash", "cmd": acceptance,
		}},
		{Name: "load", Type: v1beta1.HookRollout, URL: url + "/", Metadata: map[string]string{
			"cmd": "hey -z 15s -q 10 -c 2 -host " + host + " $LAB_GATEWAY_URL/", "logCmdOutput": "true",
		}},
		{Name: "end", Type: v1beta1.HookConfirmPromotion, URL: url + "/gate/check"},
		{Name: "undo", Type: v1beta1.HookRollback, URL: url + "/rollback/check"},
	}
}

// posted tells a gate of the app to change.
func posted(tester *story.LoadTester, path string) Step {
	return func(s *scene) {
		s.Helper()
		s.must(tester.Post(s.ctx, path, s.app))
	}
}

// Held waits until the release is in a phase and has said so.
func Held(phase v1beta1.CanaryPhase, text string) Outcome {
	return func(s *scene) {
		s.Helper()
		s.await(string(phase), story.In(phase))
		s.await(text, story.Heard(text))
	}
}

// NotStarted checks that the release, which waits, has no pods yet and has left the traffic alone.
func NotStarted() Outcome {
	return func(s *scene) {
		s.Helper()
		pods := story.Values(s.moments(), func(m story.Moment) int32 { return m.Target.Wanted })
		s.same("pods of the target", []int32{0}, pods)
		status, route := s.weights()
		s.same("weights in the status and in the route", [][]int{{0}, {0}}, [][]int{status, route})
	}
}

// allGood matches the end of a report of hey on requests that were all answered 200.
var allGood = regexp.MustCompile(`Status code distribution:\s+\[200\]\s+(\d+) responses\s*$`)

// LoadTested ends the load tester and checks that hey has run to its end, every time with good answers alone.
func LoadTested(tester *story.LoadTester) Outcome {
	return func(s *scene) {
		s.Helper()
		s.must(tester.Stop())
		log, err := tester.Log()
		s.must(err)
		runs, requests := 0, 0
		for line := range strings.Lines(string(log)) {
			var entry struct{ Msg, Output string }
			s.must(json.Unmarshal([]byte(line), &entry))
			if !strings.HasPrefix(entry.Msg, "command finished hey") {
				continue
			}
			report := allGood.FindStringSubmatch(entry.Output)
			if report == nil {
				s.Fatalf("hey met bad answers:\n%s", entry.Output)
			}
			good, err := strconv.Atoi(report[1])
			s.must(err)
			runs, requests = runs+1, requests+good
		}
		figure(s.T, "%d load tests sent %d requests, all answered 200", runs, requests)
		if runs == 0 {
			s.Errorf("no load test has run to its end:\n%s", log)
		}
	}
}
