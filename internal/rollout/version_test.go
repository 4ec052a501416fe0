package rollout

import (
	"testing"
	"time"

	"flagger.app/flagger/api/v1beta1"
)

func TestFingerprint(t *testing.T) {
	for name, test := range map[string]struct {
		reason  string
		configs map[string]string
		want    string
	}{
		"Untracked": {"Configs that nobody tracks are nobody's version.", nil, ""},
		"None":      {"That there are none is a version like any other.", map[string]string{}, "h1:44136fa355b3678a"},
		"Some":      {"Stored on primaries, it must never change.", map[string]string{"secret/b": "2", "configmap/a": "1"}, "h1:4e7f8973f4935f9d"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Fingerprint(test.configs); got != test.want {
				t.Errorf("%s got %q, want %q", test.reason, got, test.want)
			}
		})
	}
}

// serves are the configs that the primary says it was copied with.
func serves(sum string) option {
	return func(in *Observation) { in.Primary.Configs = Fingerprint(map[string]string{"configmap/app": sum}) }
}

// obstacle makes the configs unreadable.
func obstacle(in *Observation) { in.Configs, in.Obstacle = nil, "configmap app.test is missing" }

func TestChanged(t *testing.T) {
	config := func(sum string) option {
		return func(in *Observation) { in.Configs = map[string]string{"configmap/app": sum} }
	}
	failedWith := func(tracked string) option {
		return func(in *Observation) {
			failedFlat()(in)
			in.Status.LastAppliedSpec, in.Target.Revision = revA, revA
			in.Status.TrackedConfigs = &map[string]string{"configmap/app": tracked}
		}
	}
	for name, test := range map[string]struct {
		reason string
		in     Observation
		want   bool
	}{
		"TheSame":              {"Nothing to do.", observe(configs("1", "1"), serves("1")), false},
		"AnotherTemplate":      {"A release.", observe(pushed(revB), configs("1", "1"), serves("1")), true},
		"AnotherConfig":        {"A release, too.", observe(configs("1", "2"), serves("1")), true},
		"AConfigThatCame":      {"The pods would start with something else.", observe(configs("1", "1"), serves("1"), func(in *Observation) { in.Configs["secret/new"] = "1" }), true},
		"Unreadable":           {"Unknown is never changed (I6).", observe(configs("1", "2"), serves("1"), obstacle), false},
		"TrackingBegins":       {"Nobody knows what was there before, so it counts as that.", observe(config("1")), false},
		"TrackingBeganMissing": {"Where the primary knows, it is asked.", observe(config("2"), serves("1")), true},
		"TheConfigThatFailed":  {"It has been tried.", observe(failedWith("2"), config("2"), serves("1")), false},
		"TheConfigIsBack":      {"The primary serves with it: reverting is no release (flaw D4).", observe(failedWith("2"), config("1"), serves("1")), false},
		"AThirdConfig":         {"It was never tried.", observe(failedWith("2"), config("3"), serves("1")), true},
		"BackFromAnotherTemplate": {
			"The configs of the other template are not those of this one; the primary's are.",
			observe(failedFlat(), pushed(revA), configs("9", "1"), serves("1")), false,
		},
		"BackWithAnEditedConfig": {
			"A with another config was never seen.",
			observe(failedFlat(), pushed(revA), configs("2", "2"), serves("1")), true,
		},
		"BackWithoutAPrimary": {
			"The status remembers what a primary that somebody deleted served with.",
			observe(pushed(revA), configs("1", "2"), primaryGone(), func(in *Observation) {
				in.Status.LastAppliedSpec = revB
				in.Status.LastPromotedConfigs = Fingerprint(map[string]string{"configmap/app": "2"})
			}), false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.in.normal().changed(); got != test.want {
				t.Errorf("%s got %t", test.reason, got)
			}
		})
	}
}

func TestConfigsAreReleased(t *testing.T) {
	promoteA := Promote{Revision: revA, Configs: Fingerprint(map[string]string{"configmap/app": "2"})}
	ofConfigs := func(in *Observation) { in.Status.LastAppliedSpec, in.Target.Revision = revA, revA }
	runRows(t, map[string]row{
		"TheSameTemplateRollsThePrimary": {
			reason: "The template is the promoted one, the configs are not: the primary has to get them.",
			in:     observe(progressingAt(60), ofConfigs, configs("2", "2"), serves("1")),
			want: decided(enters(v1beta1.PhasePromoting), ticked(), did(promoteA),
				said(normal(ReasonPromoting, "Copying podinfo.test template spec to podinfo-primary.test"))),
		},
		"APromotionIsNotOverBeforeTheConfigsAreThere": {
			reason: "A process that died between the two writes has recorded the phase alone.",
			in:     observe(at(v1beta1.PhasePromoting, 60), ofConfigs, configs("2", "2"), serves("1")),
			want:   decided(did(promoteA)),
		},
		"IsCancelledWhenTheConfigIsBack": {
			reason: "What the primary serves is back, so there is nothing to analyse.",
			in:     observe(at(inRun, 40), ofConfigs, configs("2", "1"), serves("1")),
			want: decided(enters(v1beta1.PhaseFinalising), counts(0, 0, 0), wakes(drainTime),
				did(Route{Traffic: ToPrimary()}), said(normal(ReasonCancelled, "Analysis cancelled! podinfo.test is back at the promoted revision"))),
		},
	})
}

func TestTheStatusOutlivesThePrimary(t *testing.T) {
	served := Fingerprint(map[string]string{"configmap/app": "1"})
	dec := Decide(observe(waitingSince(10*time.Second), pushed(revA), configs("1", "1"), primaryGone(), func(in *Observation) {
		in.Status.LastPromotedConfigs = served
	}))
	if got := dec.Status; got.Phase != v1beta1.PhaseSucceeded || got.LastPromotedConfigs != served {
		t.Errorf("an edited config must be found changed when the primary is gone, got phase %s and %q", got.Phase, got.LastPromotedConfigs)
	}
}

func TestInitializedRecordsWhatThePrimaryHas(t *testing.T) {
	dec := Decide(observe(moved(drainTime), configs("2", "2"), serves("1")))
	if got := *dec.Status.TrackedConfigs; dec.Status.Phase != v1beta1.PhaseInitialized || len(got) != 0 {
		t.Errorf("a config that was edited meanwhile must be found changed, got phase %s and %v", dec.Status.Phase, got)
	}
	if got := dec.Status.LastPromotedConfigs; got != Fingerprint(map[string]string{"configmap/app": "1"}) {
		t.Errorf("the primary serves with the first, got %s", got)
	}
}

func TestObstacles(t *testing.T) {
	const missing = "configmap app.test is missing"
	told := said(warning(ReasonObstructed, missing))
	stalled := func(in *Observation) {
		in.Status.Conditions = append(in.Status.Conditions, v1beta1.CanaryCondition{
			Type: v1beta1.StalledCondition, Status: "True", Reason: string(ReasonObstructed), Message: missing,
		})
	}
	runRows(t, map[string]row{
		"AreToldAtRest": {
			reason: "The next release will need it, so the user had better know.", in: observe(obstacle),
			want: decided(told, wakes(obstacleRetry)),
		},
		"AreToldOnce": {
			reason: "An event that would repeat is not sent.", in: observe(obstacle, stalled), want: decided(wakes(obstacleRetry)),
		},
		"KeepANewRevisionOut": {
			reason: "Its pods could not start.", in: observe(pushed(revB), obstacle), want: decided(told, wakes(obstacleRetry)),
		},
		"KeepThePrimaryFromBeingMade": {
			reason: "Nor could the primary's.", in: observe(fresh(), obstacle),
			want: decided(told, wakes(obstacleRetry)),
		},
		"HoldThePromotion": {
			reason: "What cannot be read cannot be copied; the weight stays and nothing is counted.",
			in:     observe(progressingAt(60), obstacle), want: decided(told, ticked()),
		},
		"HoldASkippedAnalysis": {
			reason: "Without analysis, too.", in: observe(beginning(), obstacle, plan(func(p *Plan) { p.SkipAnalysis = true })),
			want: decided(told, wakes(obstacleRetry)),
		},
		"DoNotStopTheAnalysis": {
			reason: "Users are not worse off for it.", in: observe(progressingAt(20), obstacle),
			want: decided(counts(40, 0, 0), ticked(), did(Route{Traffic: Split(40)}),
				said(normal(ReasonWeightAdvanced, "Advance podinfo.test canary weight 40"))),
		},
		"DoNotStopARollback": {
			reason: "Protecting users comes first.", in: observe(progressingAt(20), obstacle, failedChecks(2)),
			want: decided(enters(v1beta1.PhaseFailed), counts(0, 0, 0), did(Route{Traffic: ToPrimary()}), wakes(drainTime),
				ended(RolledBack, nil), said(
					warning(ReasonRolledBack, "Rolling back podinfo.test failed checks threshold reached 2"),
					warning(ReasonRolledBack, "Canary failed! Scaling down podinfo.test"))),
		},
	})
}

func TestClaims(t *testing.T) {
	const theirs = "deployment podinfo-primary.test belongs to somebody else"
	claimed := func(in *Observation) { in.Claim = theirs }
	for _, phase := range []v1beta1.CanaryPhase{"", v1beta1.PhaseInitialized, v1beta1.PhaseProgressing, v1beta1.PhaseFailed} {
		dec := Decide(observe(status(phase), pushed(revB), claimed))
		if len(dec.Actions) > 0 || len(dec.Events) != 1 || dec.Events[0].Message != theirs {
			t.Errorf("in phase %q nothing is touched and it is said once (I7), got %+v", phase, dec)
		}
	}
}
