package nginx

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/ingress"
	"flagger.app/flagger/internal/router/routertest"
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
			b := routertest.NewBench(t, provider(prefix))
			b.Apply(rollout.Split(25), 1)
			edit := map[string]string{"example.com/note": "kept"}
			for key, value := range test.edit {
				edit[dialect(prefix).key(key)] = value
			}
			b.Edit(ingress.Kind, "podinfo-canary", routertest.Annotate(edit))
			if got := b.Observe().Traffic; got != test.found {
				t.Errorf("%s Found %+v, want %+v", test.reason, got, test.found)
			}
			b.Apply(rollout.Split(25), 1)
			b.Apply(rollout.Split(25), 0)
			if diff := cmp.Diff(quarter, routing(b)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
			if note := b.Routing().GetAnnotations()["example.com/note"]; note != "kept" {
				t.Errorf("the note of somebody else became %q", note)
			}
		})
	}
}

// The spec is a copy and nothing else, whoever adds to it.
func TestTheSpecOfTheCanaryIngressIsOurs(t *testing.T) {
	b := routertest.NewBench(t, provider(prefix))
	b.Apply(rollout.Split(25), 1)
	before := b.Routing()
	b.Edit(ingress.Kind, "podinfo-canary", func(object *unstructured.Unstructured) {
		spec := object.Object["spec"].(map[string]any)
		spec["defaultBackend"] = map[string]any{"service": map[string]any{"name": "mine", "port": map[string]any{"number": int64(80)}}}
		spec["rules"] = append(spec["rules"].([]any), map[string]any{"host": "mine.example.com"})
	})
	if err := b.Router.Apply(t.Context(), b.Canary, rollout.Split(25)); err != nil {
		t.Fatal(err)
	}
	b.Apply(rollout.Split(25), 0)
	if diff := cmp.Diff(before.Object["spec"], b.Routing().Object["spec"]); diff != "" {
		t.Errorf("spec (-before +after):\n%s", diff)
	}
}

// A condition lives as long as its run, and another takes its place at once.
func TestConditionsComeAndGoInOneWrite(t *testing.T) {
	b := routertest.NewBench(t, provider(prefix))
	abTest(b.Canary, insiders)
	b.Apply(rollout.ToPrimary(), 1)
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
		abTest(b.Canary, step.headers)
		b.Apply(step.want, 1)
		b.Apply(step.want, 0)
		if diff := cmp.Diff(step.routing, routing(b)); diff != "" {
			t.Errorf("%v to %+v (-want +got):\n%s", step.headers, step.want, diff)
		}
	}
	b.Canary.Spec.Analysis.Match, b.Canary.Spec.Analysis.Iterations = nil, 0
	b.Apply(rollout.Split(10), 1)
	if diff := cmp.Diff(map[string]string{canaryFlag: "true", canaryWeight: "10"}, routing(b)); diff != "" {
		t.Errorf("without conditions (-want +got):\n%s", diff)
	}
}

// What the user changes of the first Ingress comes to the second, in the middle of a run too, and moves nobody.
func TestTheCopyFollowsTheUsersIngress(t *testing.T) {
	b := routertest.NewBench(t, provider(prefix))
	b.Apply(rollout.Split(25), 1)

	b.Edit(ingress.Kind, "podinfo", func(object *unstructured.Unstructured) {
		routertest.Annotate(map[string]string{"example.com/team": "", prefix + "/affinity": "", "example.com/new": "yes"})(object)
		object.SetLabels(map[string]string{"app": "shop"})
		object.Object["spec"].(map[string]any)["tls"] = []any{map[string]any{"secretName": "app-tls"}}
	})
	b.Apply(rollout.Split(25), 1)
	b.Apply(rollout.Split(25), 0)

	source, copied := b.Object(ingress.Kind, "podinfo"), b.Routing()
	want := kube.Guarded(map[string]string{"example.com/new": "yes", prefix + "/canary": "true", prefix + "/canary-weight": "25"})
	if diff := cmp.Diff(want, copied.GetAnnotations()); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(source.GetLabels(), copied.GetLabels()); diff != "" {
		t.Errorf("labels (-user's +canary's):\n%s", diff)
	}
	tls := func(object *unstructured.Unstructured) any { return object.Object["spec"].(map[string]any)["tls"] }
	if diff := cmp.Diff(tls(source), tls(copied)); diff != "" {
		t.Errorf("spec.tls (-user's +canary's):\n%s", diff)
	}
}

// A run may end after the user's Ingress did.
func TestUsersComeBackWithoutTheUsersIngress(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		change func(*v1beta1.Canary)
		sent   rollout.Traffic
		spoil  func(*routertest.Bench)
	}{
		"Gone": {
			reason: "What is no longer there cannot be copied.",
			change: func(*v1beta1.Canary) {}, sent: rollout.Split(25),
			spoil: func(b *routertest.Bench) {
				if err := b.Direct.Delete(b.Context(), b.Object(ingress.Kind, "podinfo")); err != nil {
					b.Fatal(err)
				}
			},
		},
		"LeadsElsewhere": {
			reason: "A copy without a path to the canary's Service would send nobody there.",
			change: func(c *v1beta1.Canary) { abTest(c, insiders) }, sent: rollout.ToCanary(),
			spoil: func(b *routertest.Bench) { b.Edit(ingress.Kind, "podinfo", leadTo("other")) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(prefix))
			test.change(b.Canary)
			b.Apply(test.sent, 1)
			test.spoil(b)
			for _, want := range []rollout.Traffic{test.sent, rollout.ToCanary()} {
				if err := b.Router.Apply(t.Context(), b.Canary, want); !errors.Is(err, router.ErrInvalidSpec) {
					t.Errorf("%s apply %+v: got error %v", test.reason, want, err)
				}
			}
			if got := b.Observe().Traffic; got != test.sent {
				t.Errorf("the refused calls moved users: %+v", got)
			}
			b.Apply(rollout.ToPrimary(), 1)
			if err := b.Router.Apply(t.Context(), b.Canary, rollout.ToPrimary()); !errors.Is(err, router.ErrInvalidSpec) {
				t.Errorf("%s With nobody left to bring back, got error %v", test.reason, err)
			}
		})
	}
}
