package knative

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/rollout"
)

func TestRead(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		list   []any
		want   rollout.Traffic
	}{
		"AtRest":       {reason: "Nobody comes by latestRevision.", list: []any{latest(0), pinned(first, whole)}, want: rollout.ToPrimary()},
		"AStep":        {reason: "Each has its share.", list: []any{pinned(second, 25), pinned(first, 75)}, want: aQuarter},
		"AnyOrder":     {reason: "Names tell the sides, not places.", list: []any{pinned(first, 75), pinned(second, 25)}, want: aQuarter},
		"NoList":       {reason: "Knative sends everybody to the latest revision.", want: rollout.ToCanary()},
		"Latest":       {reason: "The latest revision is not the primary.", list: []any{latest(25), pinned(first, 75)}, want: aQuarter},
		"Tags":         {reason: "Shares of one revision add up.", list: []any{pinned(first, 35), pinned(second, 25), pinned(first, 40)}, want: aQuarter},
		"Stray":        {reason: "Whoever is not at the primary is away.", list: []any{pinned(third, 25), pinned(first, 75)}, want: aQuarter},
		"NoPercent":    {reason: "None is zero.", list: []any{entry{"revisionName": second}, pinned(first, whole)}, want: rollout.ToPrimary()},
		"NobodyServed": {reason: "Two zeros are not taken for a side.", list: []any{latest(0)}, want: rollout.Traffic{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := read(service(test.list...), first); got != test.want {
				t.Errorf("%s Got %+v, want %+v", test.reason, got, test.want)
			}
		})
	}
}

// Users who come by latestRevision are the primary's while that is the last revision that was ready.
func TestReadGoesByTheRevisionThatIsReady(t *testing.T) {
	object := service(latest(whole))
	object.Object["status"].(map[string]any)[latestReady] = first
	if got := read(object, first); got != rollout.ToPrimary() {
		t.Errorf("got %+v", got)
	}
}

func TestThePrimaryIsToldByWhatWasPromoted(t *testing.T) {
	named := func(change func(*unstructured.Unstructured)) *unstructured.Unstructured {
		object := service(latest(whole))
		delete(object.Object["status"].(map[string]any), "traffic")
		change(object)
		return object
	}
	status := func(field, name string) func(*unstructured.Unstructured) {
		return func(object *unstructured.Unstructured) { object.Object["status"].(map[string]any)[field] = name }
	}
	for name, test := range map[string]struct {
		reason string
		object *unstructured.Unstructured
		want   string
	}{
		"Annotation": {
			reason: "What is said is not guessed.",
			object: named(func(object *unstructured.Unstructured) {
				object.SetAnnotations(map[string]string{primaryAnnotation: third})
			}),
			want: third,
		},
		"Created": {reason: "Nothing is newer.", object: named(status(latestCreated, first)), want: first},
		"Ready":   {reason: "What is newer is not ready.", object: named(status(latestReady, first)), want: first},
		"Pinned":  {reason: "Users are still sent there.", object: named(func(o *unstructured.Unstructured) { setTraffic(o, pinned(first, whole)) }), want: first},
		"Serving": {reason: "Users are still there, though not for long.", object: service(latest(whole)), want: first},
		"Unknown": {reason: "Another one would be a guess.", object: named(func(*unstructured.Unstructured) {})},
	} {
		t.Run(name, func(t *testing.T) {
			if got := primaryOf(canary(), test.object); got != test.want {
				t.Errorf("%s Got %q, want %q", test.reason, got, test.want)
			}
		})
	}
}

func TestAcceptance(t *testing.T) {
	condition := func(kind, status string) any {
		return map[string]any{"type": kind, "status": status, "reason": "RevisionMissing", "severity": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
	}
	for name, test := range map[string]struct {
		reason     string
		observed   int64
		conditions []any
		want       rollout.Acceptance
		says       string
	}{
		"Ready":       {reason: "The data plane has it.", observed: 3, conditions: []any{condition("Ready", "False"), condition(routesReady, "True")}, want: rollout.Taken},
		"Unknown":     {reason: "It is being carried out.", observed: 3, conditions: []any{condition(routesReady, "Unknown")}, want: rollout.Unconfirmed, says: "not confirmed"},
		"Lagging":     {reason: "That was about the block before.", observed: 2, conditions: []any{condition(routesReady, "True")}, want: rollout.Unconfirmed, says: "not confirmed"},
		"NoCondition": {reason: "Nobody has looked yet.", observed: 3, want: rollout.Unconfirmed, says: "not confirmed"},
		"False":       {reason: "It names a revision that is gone.", observed: 3, conditions: []any{condition(routesReady, "False")}, want: rollout.Refused, says: "RoutesReady is False for the reason RevisionMissing"},
	} {
		t.Run(name, func(t *testing.T) {
			object := service(latest(0), pinned(first, whole))
			object.SetGeneration(3)
			object.Object["status"] = map[string]any{"observedGeneration": test.observed, "conditions": test.conditions}
			got, message, err := acceptance(object)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want || !strings.Contains(message, test.says) || (message == "") != (test.says == "") {
				t.Errorf("%s Got %v, %q", test.reason, got, message)
			}
		})
	}
}

func TestIdentitiesArePinned(t *testing.T) {
	// Another identity would make every canary start a run on an upgrade.
	if got, want := identity(first), "h1:6d5f76fe456cfb4d"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
