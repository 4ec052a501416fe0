package nginx

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// abTest makes the canary's run an A/B test.
func abTest(c *v1beta1.Canary, headers map[string]istio.StringMatch) {
	c.Spec.Analysis.StepWeight, c.Spec.Analysis.Iterations = 0, 5
	c.Spec.Analysis.Match = []istio.HTTPMatchRequest{{Headers: headers}}
}

var (
	insiders = map[string]istio.StringMatch{"x-canary": {Exact: "insider"}}
	testers  = map[string]istio.StringMatch{"cookie": {Exact: "tester"}}
)

func TestAnEditOfTheCanaryIngressIsRepaired(t *testing.T) {
	quarter := map[string]string{canaryFlag: "true", canaryWeight: "25"}
	for name, test := range map[string]struct {
		reason string
		edit   map[string]string // without their prefix; those with an empty value are taken away
		found  rollout.Traffic
	}{
		"Weight": {
			reason: "The weight is the status's to say.",
			edit:   map[string]string{canaryWeight: "75"}, found: rollout.Split(75),
		},
		"NoWeight": {
			reason: "Without a weight nobody is sent to the canary.",
			edit:   map[string]string{canaryWeight: ""}, found: rollout.ToPrimary(),
		},
		"NoNumber": {
			reason: "ingress-nginx takes it for 0, and an error would keep it from being repaired.",
			edit:   map[string]string{canaryWeight: "many"}, found: rollout.ToPrimary(),
		},
		"TooMuch": {
			reason: "More than all is all.",
			edit:   map[string]string{canaryWeight: "250"}, found: rollout.ToCanary(),
		},
		"Total": {
			reason: "With another total, 25 would be 2.5 percent.",
			edit:   map[string]string{"canary-weight-total": "1000"}, found: rollout.Split(25),
		},
		"Header": {
			reason: "Somebody's own condition would win over the weight.",
			edit:   map[string]string{byHeader: "x-mine"}, found: rollout.ToCanary(),
		},
		"Cookie": {
			reason: "The same by cookie.",
			edit:   map[string]string{byCookie: "mine"}, found: rollout.ToCanary(),
		},
		"SwitchedOff": {
			reason: "An Ingress that is no canary's is the first one's rival and has no users.",
			edit:   map[string]string{canaryFlag: "false"}, found: rollout.ToPrimary(),
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := newCluster(t, connect(t), canary())
			k.create(usersIngress(""), "kubectl")
			k.apply(rollout.Split(25), 1)
			edit := map[string]string{"example.com/note": "kept"}
			for key, value := range test.edit {
				edit[k.router.dialect.key(key)] = value
			}
			k.edit("podinfo-canary", annotate(edit))
			if got := k.observe(); got != test.found {
				t.Errorf("%s Found %+v, want %+v", test.reason, got, test.found)
			}
			k.apply(rollout.Split(25), 1)
			k.apply(rollout.Split(25), 0)
			if diff := cmp.Diff(quarter, k.routing()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
			if note := k.ingress("podinfo-canary").GetAnnotations()["example.com/note"]; note != "kept" {
				t.Errorf("the note of somebody else became %q", note)
			}
		})
	}
}

// The spec is a copy and nothing else, whoever adds to it.
func TestTheSpecOfTheCanaryIngressIsOurs(t *testing.T) {
	k := newCluster(t, connect(t), canary())
	k.create(usersIngress(""), "kubectl")
	k.apply(rollout.Split(25), 1)
	before := k.ingress("podinfo-canary")
	k.edit("podinfo-canary", func(ingress *unstructured.Unstructured) {
		spec := ingress.Object["spec"].(map[string]any)
		spec["defaultBackend"] = map[string]any{"service": map[string]any{"name": "mine", "port": map[string]any{"number": int64(80)}}}
		spec["rules"] = append(spec["rules"].([]any), map[string]any{"host": "mine.example.com"})
	})
	if err := k.router.Apply(t.Context(), k.canary, rollout.Split(25)); err != nil {
		t.Fatal(err)
	}
	k.apply(rollout.Split(25), 0)
	if diff := cmp.Diff(before.Object["spec"], k.ingress("podinfo-canary").Object["spec"]); diff != "" {
		t.Errorf("spec (-before +after):\n%s", diff)
	}
}

// A condition lives as long as its run, and another takes its place at once.
func TestConditionsComeAndGoInOneWrite(t *testing.T) {
	k := newCluster(t, connect(t), canary())
	k.create(usersIngress(""), "kubectl")
	abTest(k.canary, insiders)
	k.apply(rollout.ToPrimary(), 1)
	for _, step := range []struct {
		headers map[string]istio.StringMatch
		want    rollout.Traffic
		routing map[string]string
	}{
		{insiders, rollout.ToCanary(), map[string]string{canaryFlag: "true", canaryWeight: "0", byHeader: "x-canary", headerValue: "insider"}},
		{testers, rollout.ToCanary(), map[string]string{canaryFlag: "true", canaryWeight: "0", byCookie: "tester"}},
		{testers, rollout.ToPrimary(), map[string]string{canaryFlag: "true", canaryWeight: "0"}},
		{testers, rollout.ToCanary(), map[string]string{canaryFlag: "true", canaryWeight: "0", byCookie: "tester"}},
	} {
		abTest(k.canary, step.headers)
		k.apply(step.want, 1)
		k.apply(step.want, 0)
		if diff := cmp.Diff(step.routing, k.routing()); diff != "" {
			t.Errorf("%v to %+v (-want +got):\n%s", step.headers, step.want, diff)
		}
	}
	k.canary.Spec.Analysis.Match, k.canary.Spec.Analysis.Iterations = nil, 0
	k.apply(rollout.Split(10), 1)
	if diff := cmp.Diff(map[string]string{canaryFlag: "true", canaryWeight: "10"}, k.routing()); diff != "" {
		t.Errorf("without conditions (-want +got):\n%s", diff)
	}
}

// What the user changes of the first Ingress comes to the second, in the middle of a run too, and moves nobody.
func TestTheCopyFollowsTheUsersIngress(t *testing.T) {
	k := newCluster(t, connect(t), canary())
	k.create(usersIngress(""), "kubectl")
	k.apply(rollout.Split(25), 1)

	k.edit("podinfo", func(ingress *unstructured.Unstructured) {
		annotate(map[string]string{"example.com/team": "", prefix + "/affinity": "", "example.com/new": "yes"})(ingress)
		ingress.SetLabels(map[string]string{"app": "shop"})
		ingress.Object["spec"].(map[string]any)["tls"] = []any{map[string]any{"secretName": "app-tls"}}
	})
	k.apply(rollout.Split(25), 1)
	k.apply(rollout.Split(25), 0)

	source, copied := k.ingress("podinfo"), k.ingress("podinfo-canary")
	want := kube.Guarded(map[string]string{"example.com/new": "yes", prefix + "/canary": "true", prefix + "/canary-weight": "25"})
	if diff := cmp.Diff(want, copied.GetAnnotations()); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(source.GetLabels(), copied.GetLabels()); diff != "" {
		t.Errorf("labels (-user's +canary's):\n%s", diff)
	}
	tls := func(ingress *unstructured.Unstructured) any { return ingress.Object["spec"].(map[string]any)["tls"] }
	if diff := cmp.Diff(tls(source), tls(copied)); diff != "" {
		t.Errorf("spec.tls (-user's +canary's):\n%s", diff)
	}
}

func TestTheUsersIngressIsNeverWritten(t *testing.T) {
	k := newCluster(t, connect(t), canary())
	k.create(usersIngress(""), "kubectl")
	before := k.ingress("podinfo")
	k.apply(rollout.Split(25), 1)
	k.apply(rollout.ToPrimary(), 1)
	abTest(k.canary, insiders)
	k.apply(rollout.ToCanary(), 1)
	if err := k.router.Release(t.Context(), k.canary); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before.Object, k.ingress("podinfo").Object); diff != "" {
		t.Errorf("the user's Ingress (-before +after):\n%s", diff)
	}
}

// A run may end after the user's Ingress did.
func TestUsersComeBackWithoutTheUsersIngress(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		change func(*v1beta1.Canary)
		sent   rollout.Traffic
		spoil  func(*cluster)
	}{
		"Gone": {
			reason: "What is no longer there cannot be copied.",
			change: func(*v1beta1.Canary) {}, sent: rollout.Split(25),
			spoil: func(k *cluster) {
				if err := k.direct.Delete(k.Context(), k.ingress("podinfo")); err != nil {
					k.Fatal(err)
				}
			},
		},
		"LeadsElsewhere": {
			reason: "A copy without a path to the canary's Service would send nobody there.",
			change: func(c *v1beta1.Canary) { abTest(c, insiders) }, sent: rollout.ToCanary(),
			spoil: func(k *cluster) {
				k.edit("podinfo", func(ingress *unstructured.Unstructured) {
					for _, service := range services(ingress.Object["spec"].(map[string]any)) {
						service["name"] = "other"
					}
				})
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := newCluster(t, connect(t), canary())
			test.change(k.canary)
			k.create(usersIngress(""), "kubectl")
			k.apply(test.sent, 1)
			test.spoil(k)
			for _, want := range []rollout.Traffic{test.sent, rollout.ToCanary()} {
				if err := k.router.Apply(t.Context(), k.canary, want); !errors.Is(err, router.ErrInvalidSpec) {
					t.Errorf("%s apply %+v: got error %v", test.reason, want, err)
				}
			}
			if got := k.observe(); got != test.sent {
				t.Errorf("the refused calls moved users: %+v", got)
			}
			k.apply(rollout.ToPrimary(), 1)
			if err := k.router.Apply(t.Context(), k.canary, rollout.ToPrimary()); !errors.Is(err, router.ErrInvalidSpec) {
				t.Errorf("%s With nobody left to bring back, got error %v", test.reason, err)
			}
		})
	}
}

// The canary Ingress changed after it was read: nothing is known of what it is now.
func TestALateAnswerChangesNothing(t *testing.T) {
	k := newCluster(t, connect(t), canary())
	k.create(usersIngress(""), "kubectl")
	abTest(k.canary, insiders)
	k.apply(rollout.ToCanary(), 1)
	read := k.ingress("podinfo-canary")
	k.edit("podinfo-canary", annotate(map[string]string{"example.com/note": "later"}))
	_, err := k.router.reroute(t.Context(), read, k.router.dialect.routing(nil, rollout.ToPrimary()))
	if !apierrors.IsConflict(err) {
		t.Errorf("got error %v, want a conflict", err)
	}
	if got := k.observe(); got != rollout.ToCanary() {
		t.Errorf("users were moved: %+v", got)
	}
}
