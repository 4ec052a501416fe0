package apisix

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router/routertest"
)

// lastApplied is the annotation by which kubectl knows what it delivered.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// flaggers is a canary route as Flagger 1.44 leaves it: the first rule alone, the marks of kubectl and the ports of
// streams copied too, no guards.
func flaggers(want rollout.Traffic, owners ...metav1.OwnerReference) *unstructured.Unstructured {
	one := lead("all", "/*", "podinfo")
	one["priority"] = int64(10000)
	one["websocket"] = false
	one["backends"] = sides(canary(), find(one, "podinfo"), want)
	object := route("shop-podinfo-canary", one)
	object.Object["spec"].(map[string]any)["stream"] = []any{map[string]any{
		"name": "tcp", "protocol": "TCP", "match": map[string]any{"ingressPort": int64(9100)},
		"backend": map[string]any{"serviceName": "podinfo", "servicePort": int64(9898)},
	}}
	object.SetLabels(map[string]string{"app": "shop", "app.kubernetes.io/instance": "shop"})
	object.SetAnnotations(map[string]string{"example.com/team": "a", lastApplied: "{}"})
	object.SetOwnerReferences(owners)
	return object
}

// What Flagger left is taken over with the traffic that it has, and nothing of Flagger's plain updates stays behind.
func TestFlaggersRouteIsTakenOver(t *testing.T) {
	owned := []metav1.OwnerReference{kube.OwnerReference(canary())}
	for name, test := range map[string]struct {
		reason string
		owners []metav1.OwnerReference
		left   rollout.Traffic
	}{
		"AtRest":   {reason: "Nobody is in a run.", owners: owned, left: rollout.ToPrimary()},
		"AStep":    {reason: "A run goes on where it was.", owners: owned, left: rollout.Split(40)},
		"Switched": {reason: "All users are at the canary and stay there.", owners: owned, left: rollout.ToCanary()},
		"Unowned":  {reason: "A Flagger with another cluster's routes set no owners.", left: rollout.Split(40)},
	} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t))
			b.Create(flaggers(test.left, test.owners...), kube.FieldManager)
			if got := b.Observe().Traffic; got != test.left {
				t.Errorf("%s Found %+v, want %+v", test.reason, got, test.left)
			}
			if err := b.Router.Apply(t.Context(), b.Canary, test.left); err != nil {
				t.Fatal(err)
			}
			b.Apply(test.left, 0)
			taken := b.Routing()
			if !kube.IsOwned(b.Canary, taken) {
				t.Error("it would outlive the canary")
			}
			rendered, err := render(b.Canary, b.Object(kind, "shop"), test.left)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(routertest.Essence(rendered), routertest.Essence(taken)); diff != "" {
				t.Errorf("it is not what it would be without Flagger (-want +got):\n%s", diff)
			}
			b.HasNoPlainUpdates(taken)
		})
	}
}

func TestSomebodyElsesRouteIsLeftAlone(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		change func(*unstructured.Unstructured)
	}{
		"ByHand": {
			reason: "Only the name is the same.",
			change: func(object *unstructured.Unstructured) { rules(object)[0]["priority"] = int64(3) },
		},
		"OneSide": {
			reason: "Flagger's always lead to both.",
			change: func(object *unstructured.Unstructured) {
				list := rules(object)[0]["backends"].([]any)
				rules(object)[0]["backends"] = list[:1]
			},
		},
		"AnotherService": {
			reason: "Flagger made it for another canary.",
			change: elsewhere,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			object := flaggers(rollout.Split(40))
			test.change(object)
			routertest.NewBench(t, provider(t)).LeavesAlone(object, "was not made for this canary")
		})
	}
}
