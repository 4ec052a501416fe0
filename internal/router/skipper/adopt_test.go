package skipper

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router/ingress"
	"flagger.app/flagger/internal/router/routertest"
)

// flaggers is a canary Ingress as Flagger 1.44 leaves it, with the marks of kubectl and Argo CD and without guards.
func flaggers(annotations map[string]string, owners ...metav1.OwnerReference) *unstructured.Unstructured {
	object := withPaths("shop-canary", path("/", "podinfo-primary"), path("/web", "web"), path("/", "podinfo-canary"))
	object.SetLabels(map[string]string{"app": "shop", "app.kubernetes.io/instance": "shop"})
	object.SetAnnotations(map[string]string{
		"example.com/team": "a", "kubectl.kubernetes.io/last-applied-configuration": "{}",
		backendWeights: annotations[backendWeights], predicate: annotations[predicate],
	})
	object.SetOwnerReferences(owners)
	return object
}

// aStep are Flagger's annotations at 40 percent.
var aStep = map[string]string{
	backendWeights: `{"podinfo-canary":40,"podinfo-primary":60}`, predicate: `Weight(100) && Method("GET")`,
}

// What Flagger left is taken over with the traffic that it has, and nothing of Flagger's plain updates stays behind.
func TestFlaggersIngressIsTakenOver(t *testing.T) {
	owned := []metav1.OwnerReference{kube.OwnerReference(canary())}
	for name, test := range map[string]struct {
		reason      string
		annotations map[string]string
		owners      []metav1.OwnerReference
		left        rollout.Traffic
	}{
		"New": {
			reason:      "Its weights alone keep users from the canary.",
			annotations: map[string]string{backendWeights: `{"podinfo-canary":0,"podinfo-primary":100}`, predicate: "Weight(100)"},
			owners:      owned, left: rollout.ToPrimary(),
		},
		"AtRest": {
			reason:      "Nobody is in a run.",
			annotations: map[string]string{backendWeights: `{"podinfo-canary":0,"podinfo-primary":100}`, predicate: "False()"},
			owners:      owned, left: rollout.ToPrimary(),
		},
		"AStep":   {reason: "A run goes on where it was.", annotations: aStep, owners: owned, left: rollout.Split(40)},
		"Unowned": {reason: "A Flagger with another cluster's mesh set no owners.", annotations: aStep, left: rollout.Split(40)},
		"Switched": {
			reason:      "All users are at the canary and stay there.",
			annotations: map[string]string{backendWeights: `{"podinfo-canary":100,"podinfo-primary":0}`, predicate: "Weight(100)"},
			owners:      owned, left: rollout.ToCanary(),
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider())
			b.Create(flaggers(test.annotations, test.owners...), kube.FieldManager)
			if got := b.Observe().Traffic; got != test.left {
				t.Errorf("%s Found %+v, want %+v", test.reason, got, test.left)
			}
			b.Settle(test.left)
			taken := b.Routing()
			if !kube.IsOwned(b.Canary, taken) {
				t.Error("it would outlive the canary")
			}
			want, err := render(b.Canary, b.Object(ingress.Kind, "shop"), test.left)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(routertest.Essence(want), routertest.Essence(taken)); diff != "" {
				t.Errorf("it is not what it would be without Flagger (-want +got):\n%s", diff)
			}
			b.HasNoPlainUpdates(taken)
		})
	}
}

func TestSomebodyElsesIngressIsLeftAlone(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		change func(*unstructured.Unstructured)
	}{
		"ByHand": {
			reason: "Only the name is the same.",
			change: routertest.Annotate(map[string]string{backendWeights: ""}),
		},
		"OneWeight": {
			reason: "Flagger's weigh both sides.",
			change: routertest.Annotate(map[string]string{backendWeights: `{"podinfo-canary":40}`}),
		},
		"OnePath": {
			reason: "Flagger's lead to both sides.",
			change: func(object *unstructured.Unstructured) {
				ingress.Redirect(object, func(paths []any) []any { return paths[:1] })
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			object := flaggers(aStep)
			test.change(object)
			routertest.NewBench(t, provider()).LeavesAlone(object, "was not made for this canary")
		})
	}
}
