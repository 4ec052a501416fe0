package istio

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

// A VirtualService that Flagger took over carries what it was before, or what Flagger took for that. With the canary's
// end the two sides go, so it must lead to neither.
func TestReleaseOfWhatFlaggerTookOver(t *testing.T) {
	const (
		users      = `{"hosts":["app.example.com"],"http":[{"route":[{"destination":{"host":"podinfo"}}]}]}`
		others     = `{"hosts":["old.example.com"],"http":[{"route":[{"destination":{"host":"podinfo"}}]}]}`
		generated  = `{"hosts":["podinfo"],"http":[{"route":[{"destination":{"host":"podinfo-primary"},"weight":100}]}]}`
		connection = `{"tcp":[{"route":[{"destination":{"host":"podinfo-canary"}}]}]}`
	)
	object := func(spec string) string { return `{"kind":"VirtualService","spec":` + spec + `}` }
	restored := map[string]any{"hosts": []any{"app.example.com"}, "http": []any{httpTo(to("podinfo", nil))}}
	apex := map[string]any{"hosts": []any{"podinfo"}, "gateways": []any{"mesh"}, "http": []any{httpTo(to("podinfo", int64(100)))}}
	for name, test := range map[string]struct {
		reason      string
		annotations map[string]string
		tcp         bool
		want        map[string]any
	}{
		"LastApplied": {
			reason:      "What the user applied is what the user wants.",
			annotations: map[string]string{corev1.LastAppliedConfigAnnotation: object(users)}, want: restored,
		},
		"KeptByFlagger": {
			reason:      "Flagger kept what nobody applied.",
			annotations: map[string]string{flaggersOriginal: users}, want: restored,
		},
		"Both": {
			reason:      "The user applied something after Flagger had kept what it found.",
			annotations: map[string]string{corev1.LastAppliedConfigAnnotation: object(users), flaggersOriginal: others}, want: restored,
		},
		"LastAppliedIsDivided": {
			reason:      "Somebody saved Flagger's work and applied it again.",
			annotations: map[string]string{corev1.LastAppliedConfigAnnotation: object(generated), flaggersOriginal: users}, want: restored,
		},
		"KeptItsOwnWork": {
			reason:      "Flagger wrote down its own routes when it repaired drift.",
			annotations: map[string]string{flaggersOriginal: generated}, want: apex,
		},
		"KeptConnections": {
			reason:      "Routes of connections lead to a side as well.",
			annotations: map[string]string{flaggersOriginal: connection}, want: apex,
		},
		"Nothing":  {reason: "Nobody knows what there was, but users call the apex Service.", want: apex},
		"NoObject": {reason: "An annotation without a spec tells nothing.", annotations: map[string]string{corev1.LastAppliedConfigAnnotation: `{}`}, want: apex},
		"Connections": {
			reason: "Connections go to the apex Service as well.", tcp: true,
			want: map[string]any{"hosts": []any{"podinfo"}, "gateways": []any{"mesh"}, "tcp": []any{httpTo(to("podinfo", int64(100)))}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t))
			if test.tcp {
				b.Canary.Spec.Service.AppProtocol = "tcp"
			}
			left, err := render(b.Canary, rollout.Split(40))
			if err != nil {
				t.Fatal(err)
			}
			annotations := left.GetAnnotations()
			maps.Copy(annotations, test.annotations)
			left.SetAnnotations(annotations)
			b.Create(left, kube.FieldManager)
			b.Settle(rollout.Split(50))
			b.Release()
			released := b.Routing()
			if diff := cmp.Diff(test.want, released.Object["spec"]); diff != "" {
				t.Errorf("%s Spec (-want +got):\n%s", test.reason, diff)
			}
			for key := range released.GetAnnotations() {
				if key != corev1.LastAppliedConfigAnnotation {
					t.Errorf("the annotation %s is left", key)
				}
			}
		})
	}
}

func TestReleaseNamesWhatItCannotRead(t *testing.T) {
	for _, test := range []struct{ annotation, content, want string }{
		{corev1.LastAppliedConfigAnnotation, `{`, "VirtualService podinfo.test failed to unMarshal annotation " + corev1.LastAppliedConfigAnnotation},
		{corev1.LastAppliedConfigAnnotation, `{"spec":{"http":1}}`, "VirtualService podinfo.test failed to unMarshal annotation " + corev1.LastAppliedConfigAnnotation},
		{flaggersOriginal, `{`, "VirtualService podinfo.test failed to unMarshal annotation " + flaggersOriginal},
		{flaggersOriginal, `{"http":1}`, "VirtualService podinfo.test failed to unMarshal annotation " + flaggersOriginal},
		{router.OriginalAnnotation, `{`, "read the original of VirtualService podinfo.test"},
	} {
		live, err := render(routertest.Canary(), rollout.ToPrimary())
		if err != nil {
			t.Fatal(err)
		}
		live.SetAnnotations(map[string]string{test.annotation: test.content})
		if _, err := handBack(routertest.Canary(), live); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %s: got error %v, want %s", test.annotation, test.content, err, test.want)
		}
	}
}

// What a user's VirtualService does besides what the canary is about lasts a run, and what the user changes of that
// meanwhile stays changed.
func TestWhatIsNotOursStays(t *testing.T) {
	b := routertest.NewBench(t, provider(t))
	b.Create(usersRoute(), "kubectl")
	b.Settle(rollout.Split(10))
	b.Edit(routeKind, "podinfo", func(route *unstructured.Unstructured) {
		route.Object["spec"].(map[string]any)["exportTo"] = []any{"*"}
		route.SetLabels(map[string]string{"later": "yes"})
	})
	b.Apply(rollout.Split(10), 0)
	b.Apply(rollout.Split(20), 1)
	before := usersRoute().Object["spec"].(map[string]any)
	live := b.Routing().Object["spec"].(map[string]any)
	for _, field := range []string{"tls", "tcp"} {
		if diff := cmp.Diff(before[field], live[field]); diff != "" {
			t.Errorf("%s (-before +now):\n%s", field, diff)
		}
	}
	if err := b.Router.Release(t.Context(), b.Canary); err != nil {
		t.Fatal(err)
	}
	before["exportTo"] = []any{"*"}
	if diff := cmp.Diff(before, b.Routing().Object["spec"]); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"later": "yes"}, b.Routing().GetLabels()); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

func TestWhatWasNeverTakenOverIsLeft(t *testing.T) {
	b := routertest.NewBench(t, provider(t))
	b.Create(usersRoute(), "kubectl")
	b.Create(rule("podinfo-canary", map[string]any{"host": "podinfo-canary", "exportTo": []any{"."}}), "kubectl")
	if err := b.Router.Release(t.Context(), b.Canary); err != nil {
		t.Fatal(err)
	}
	if b.Writes() != 0 {
		t.Error("Release wrote to objects that nobody took over")
	}
}

// rule is a DestinationRule as Flagger makes them where it cannot set an owner.
func rule(name string, spec map[string]any) *unstructured.Unstructured {
	one := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	one.SetGroupVersionKind(ruleKind)
	one.SetName(name)
	return one
}

func TestWhoseRule(t *testing.T) {
	flaggers := func() map[string]any {
		return map[string]any{"host": "podinfo-canary", "trafficPolicy": map[string]any{"tls": map[string]any{"mode": "DISABLE"}}}
	}
	for name, test := range map[string]struct {
		reason string
		change func(*unstructured.Unstructured)
		ours   bool
	}{
		"Flaggers": {reason: "Flagger sets no owner in the cluster of a mesh.", change: func(*unstructured.Unstructured) {}, ours: true},
		"WithSubsets": {
			reason: "Flagger makes no subsets.",
			change: func(one *unstructured.Unstructured) {
				one.Object["spec"].(map[string]any)["subsets"] = []any{map[string]any{"name": "a"}}
			},
		},
		"OfAnotherHost": {
			reason: "It would stop to hold for that host.",
			change: func(one *unstructured.Unstructured) { one.Object["spec"].(map[string]any)["host"] = "other" },
		},
		"Labelled":  {reason: "Somebody delivered it.", change: func(one *unstructured.Unstructured) { one.SetLabels(map[string]string{"app": "a"}) }},
		"Annotated": {reason: "Somebody applied it.", change: func(one *unstructured.Unstructured) { one.SetAnnotations(map[string]string{"a": "b"}) }},
		"Controlled": {
			reason: "It has an owner.",
			change: func(one *unstructured.Unstructured) {
				one.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "App", Name: "a", UID: "1", Controller: new(true)}})
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			b := routertest.NewBench(t, provider(t))
			one := rule("podinfo-canary", flaggers())
			test.change(one)
			if !test.ours {
				b.LeavesAlone(one, "DestinationRule podinfo-canary.")
				return
			}
			b.Create(one, kube.FieldManager)
			b.Settle(rollout.ToPrimary())
			if taken := b.Object(ruleKind, "podinfo-canary"); !kube.IsOwned(b.Canary, taken) {
				t.Errorf("it has the owners %v", taken.GetOwnerReferences())
			}
		})
	}
}

// Flagger's own objects are gone on with: the traffic is read as it is, and only what we say otherwise is written.
func TestFlaggersObjectsAreOurs(t *testing.T) {
	for _, one := range routertest.Cases(t) {
		if one.Name != "flaggers-own" && one.Name != "taken-over-by-flagger" {
			continue
		}
		t.Run(one.Name, func(t *testing.T) {
			live := routertest.Named(one.Observed, "podinfo")
			traffic, found, err := read(one.Canary, live)
			if err != nil || !found || traffic != one.Traffic {
				t.Fatalf("got %+v, %t, %v, want %+v", traffic, found, err, one.Traffic)
			}
			rendered, err := render(one.Canary, traffic)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(live.Object["spec"], rendered.Object["spec"]); diff != "" {
				t.Errorf("spec (-Flagger's +ours):\n%s", diff)
			}
		})
	}
}
