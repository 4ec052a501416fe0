package rollout_test

import (
	"maps"
	"regexp"
	"slices"
	"testing"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/rollout/rollouttest"
)

// catalogue is every event that a rollout can announce, as the stories produce it: the contract's texts to the letter.
var catalogue = []string{
	"all the metrics providers are available!",
	"Initialization done! podinfo.test",
	"New revision detected! Scaling up podinfo.test",
	"New revision detected! Restarting analysis for podinfo.test",
	"Starting canary analysis for podinfo.test",
	"Advance podinfo.test canary weight 20",
	"Advance podinfo.test canary weight 0",
	"Advance podinfo.test canary iteration 1/2",
	"Advance podinfo.test primary weight 100",
	"Routing all traffic to canary",
	"Stop traffic mirroring and route all traffic to canary",
	"Routing all traffic to primary",
	"Copying podinfo.test template spec to podinfo-primary.test",
	"Promotion completed! Scaling down podinfo.test",
	"Promotion completed! Canary analysis was skipped for podinfo.test",
	"Confirm-rollout check confirm passed",
	"Pre-rollout check pre passed",
	"Confirm-traffic-increase check increase passed",
	"Confirm-promotion check promote passed",
	"Post-rollout check post passed",
	"Rollback hook rollback not signaling a rollback",
	"skipping canary run as object is suspended",
	"Terminating canary podinfo.test",
	"Terminated canary podinfo.test",
	"Rolling back podinfo.test failed checks threshold reached 2",
	"Rolling back podinfo.test manual webhook invoked",
	"Rollback check undo passed",
	"Canary failed! Scaling down podinfo.test",
	`Promotion of podinfo.test failed, primary not ready: podinfo-primary.test not ready: deployment "podinfo-primary" exceeded its progress deadline`,
	"Halt podinfo.test advancement waiting for approval gate",
	"Halt podinfo.test advancement waiting for promotion approval g",
	"Halt podinfo.test advancement waiting for traffic increase approval g",
	"Halt podinfo.test advancement pre-rollout check load failed 404 page not found",
	"Halt podinfo.test advancement pre-rollout check pre failed smoke test failed",
	"Halt podinfo.test advancement external check h failed load test failed",
	"Post-rollout hook report failed POST http://hooks.test/report giving up after 1 attempt(s)",
	"A/B testing is not supported when using the kubernetes provider",
	"Progressive traffic is not supported when using the kubernetes provider",
	"Setting canaryAnalysis.iterations: 10",
	"Error checking metric providers: prometheus not avaiable: connection refused",
	"podinfo-primary.test not ready: waiting for rollout to finish: 0 of 2 (readyThreshold 100%) updated replicas are available",
	`podinfo-primary.test not ready: deployment "podinfo-primary" exceeded its progress deadline`,
	"canary deployment podinfo.test not ready: waiting for rollout to finish: 0 of 2 (readyThreshold 100%) updated replicas are available",
	`canary deployment podinfo.test not ready: deployment "podinfo" exceeded its progress deadline`,
}

// alerts are all that chats are told of rollouts, as the contract has them.
var alerts = []rollout.Alert{
	{Severity: v1beta1.SeverityInfo, Message: "New Deployment detected, initialization completed.", Detailed: true},
	{Severity: v1beta1.SeverityInfo, Message: "New revision detected, progressing canary analysis.", Detailed: true},
	{Severity: v1beta1.SeverityInfo, Message: "Canary analysis completed successfully, promotion finished."},
	{Severity: v1beta1.SeverityInfo, Message: "Canary analysis was skipped, promotion finished."},
	{Severity: v1beta1.SeverityWarn, Message: "Rolling back manual webhook invoked"},
	{Severity: v1beta1.SeverityError, Message: "Failed checks threshold reached 2"},
	{Severity: v1beta1.SeverityError, Message: `Promotion failed, primary not ready: podinfo-primary.test not ready: ` +
		`deployment "podinfo-primary" exceeded its progress deadline`},
	{Severity: v1beta1.SeverityWarn, Message: "Canary is waiting for approval."},
	{Severity: v1beta1.SeverityWarn, Message: "Canary promotion is waiting for approval."},
	{Severity: v1beta1.SeverityWarn, Message: "Canary traffic increase is waiting for approval."},
	{Severity: v1beta1.SeverityError, Message: `Progress deadline exceeded canary deployment podinfo.test not ready: ` +
		`deployment "podinfo" exceeded its progress deadline`},
}

// ours are texts that Flagger does not know, and those of adapters, which the stories make up.
var ours = []*regexp.Regexp{
	regexp.MustCompile(`^Analysis cancelled! podinfo\.test is back at the promoted revision$`),
	regexp.MustCompile(`^HTTPRoute podinfo\.test is refused by gateway `),
	regexp.MustCompile(`^Halt podinfo\.test advancement errors 7\.00 > 5$`),
	regexp.MustCompile(`^Halt advancement no values found for custom metric: errors: `),
	regexp.MustCompile(`^Metric query failed for (errors|latency): connection refused$`),
}

// TestCatalogue checks that each text and each alert of the catalogues comes up in some story, and no other.
func TestCatalogue(t *testing.T) {
	said, told := map[string]bool{}, map[rollout.Alert]bool{}
	for name, s := range chapters() {
		record, err := rollouttest.Play(s)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, event := range record.Events {
			said[event] = true
		}
		for _, alert := range record.Alerts {
			told[alert] = true
		}
	}
	for alert := range told {
		if !slices.Contains(alerts, alert) {
			t.Errorf("%+v is in no catalogue", alert)
		}
	}
	for _, alert := range alerts {
		if !told[alert] {
			t.Errorf("no story tells %+v", alert)
		}
	}
	var patterns []*regexp.Regexp
	for _, text := range catalogue {
		if !said[text] {
			t.Errorf("no story says %q", text)
		}
		patterns = append(patterns, like(text))
	}
	for _, event := range slices.Sorted(maps.Keys(said)) {
		known := func(p *regexp.Regexp) bool { return p.MatchString(event) }
		if !slices.ContainsFunc(patterns, known) && !slices.ContainsFunc(ours, known) {
			t.Errorf("%q is in no catalogue", event)
		}
	}
}

// like matches a text whatever its numbers and the hook that it names.
func like(text string) *regexp.Regexp {
	pattern := regexp.MustCompile(`[0-9]+`).ReplaceAllString(regexp.QuoteMeta(text), `[0-9]+`)
	pattern = regexp.MustCompile(`(check|approval|Rollback hook|Post-rollout hook) [a-z]+`).ReplaceAllString(pattern, `$1 [a-z-]+`)
	return regexp.MustCompile("^" + pattern + "$")
}
