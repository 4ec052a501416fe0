package appmesh

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router/routertest"
)

// A user's mesh is taken over as a whole, and is what it was when the canary goes.
func TestAMeshIsTakenOverAndRestored(t *testing.T) {
	for name, test := range map[string]struct {
		version Version
		users   []*unstructured.Unstructured
	}{
		"ToTheRouter": {V1beta2, []*unstructured.Unstructured{virtualRouter("podinfo", "podinfo"), annotated(virtualService("podinfo", toRouter("podinfo")))}},
		"ToTheNode":   {V1beta2, []*unstructured.Unstructured{annotated(virtualService("podinfo", toNode("podinfo")))}},
		"ToNothing":   {V1beta2, []*unstructured.Unstructured{object(apiV1beta2, kindService, "podinfo", map[string]any{"awsName": "theirs"})}},
		"Old":         {V1beta1, []*unstructured.Unstructured{usersOldNode(), annotated(usersOldService("podinfo.test"))}},
	} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t, test.version))
			b.Canary.Spec.Service.Hosts = []string{"app.example.com"}
			var before []*unstructured.Unstructured
			for _, one := range test.users {
				b.Create(one, "kubectl")
				before = append(before, b.Object(one.GroupVersionKind(), one.GetName()))
			}
			b.Settle(rollout.ToPrimary())
			b.Apply(rollout.Split(10), 1)
			b.Release()
			for _, one := range before {
				after := b.Object(one.GroupVersionKind(), one.GetName())
				if diff := cmp.Diff(routertest.Essence(one), routertest.Essence(after)); diff != "" {
					t.Errorf("%s %s (-before +after):\n%s", one.GetKind(), one.GetName(), diff)
				}
			}
		})
	}
}

// annotated has annotations of the kind that a canary's may have, with other values.
func annotated(object *unstructured.Unstructured) *unstructured.Unstructured {
	object.SetAnnotations(map[string]string{gatewayExpose: "false", "example.com/theirs": "yes"})
	return object
}

// usersOldService leads to the VirtualNode of the apex's pods, as a user writes it in v1beta1.
func usersOldService(name string) *unstructured.Unstructured {
	return object(apiV1beta1, kindService, name, map[string]any{
		"meshName": "theirs",
		"routes": []any{map[string]any{"name": "theirs", "http": map[string]any{
			"match":  map[string]any{"prefix": "/"},
			"action": map[string]any{"weightedTargets": []any{oldTarget("podinfo", int64(1))}},
		}}},
	})
}

// What belongs to somebody else stops all of the objects, so that no half of a mesh is left.
func TestForeignObjectsAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		reason  string
		version Version
		theirs  *unstructured.Unstructured
		text    string
	}{
		"OtherRouter": {
			"Traffic through a user's router may go anywhere.", V1beta2, virtualService("podinfo", toRouter("podinfo-router")),
			`leads to "VirtualRouter podinfo-router"`,
		},
		"OtherNode": {
			"The target is not who serves it.", V1beta2, virtualService("podinfo", toNode("web")), `leads to "VirtualNode web"`,
		},
		"ByARN": {
			"What an ARN stands for is not in the cluster.", V1beta2,
			virtualService("podinfo", map[string]any{"virtualNode": map[string]any{"virtualNodeARN": "arn:aws:appmesh"}}), `leads to ""`,
		},
		"DividedAlready": {
			"To overwrite a user's weights would be to move traffic.", V1beta2, virtualRouter("podinfo", "podinfo", "podinfo-v2"),
			`leads to "podinfo-v2"`,
		},
		"CanaryRouter": {
			"Nobody has one before the canary.", V1beta2, virtualRouter("podinfo-canary", "podinfo"), `leads to "podinfo"`,
		},
		"EmptyCanaryRouter": {
			"Nobody has one before the canary.", V1beta2,
			object(apiV1beta2, kindRouter, "podinfo-canary", map[string]any{"listeners": []any{listener(http, 80)}}), "exists and was not made",
		},
		"CanaryService": {
			"Nobody has one before the canary.", V1beta2, virtualService("podinfo-canary", toNode("podinfo-canary")), "leads to",
		},
		"Node": {
			"Its pods are not the primary's.", V1beta2,
			object(apiV1beta2, kindNode, "podinfo-primary", map[string]any{"serviceDiscovery": map[string]any{"dns": map[string]any{"hostname": "podinfo"}}}),
			`leads to "podinfo"`,
		},
		"OldNode": {
			"A node of another Service under the apex's name.", V1beta1,
			object(apiV1beta1, kindNode, "podinfo", map[string]any{"meshName": "global", "serviceDiscovery": map[string]any{"dns": map[string]any{"hostName": "web"}}}),
			`leads to "web"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			routertest.NewBench(t, provider(t, test.version)).LeavesAlone(test.theirs, test.text)
		})
	}
}

// Flagger could not make a canary the owner of objects in another cluster. They are known by where they lead, and stay.
func TestWhatFlaggerLeftWithoutAnOwner(t *testing.T) {
	for name, v := range versions {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t, v))
			b.Settle(rollout.Split(20))
			pieces := v.pieces(b.Canary, sheet{})
			for _, one := range pieces {
				b.Edit(one.kind, one.name, func(object *unstructured.Unstructured) { object.SetOwnerReferences(nil) })
			}
			b.Settle(rollout.Split(20))
			b.Apply(rollout.Split(30), 1)
			b.Canary.Spec.Service.Port = 9898
			b.Settle(rollout.Split(30))
			if err := b.Router.Release(t.Context(), b.Canary); err != nil {
				t.Fatal(err)
			}
			for _, one := range pieces {
				live := b.Object(one.kind, one.name)
				if kube.IsOwned(b.Canary, live) {
					t.Errorf("%s %s was claimed", one.kind.Kind, one.name)
				}
			}
			b.Settle(rollout.Split(30))
		})
	}
}
