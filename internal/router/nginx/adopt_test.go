package nginx

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/testkit"
)

// recording is a cluster run by Flagger 1.44, state by state.
type recording struct {
	Applied []map[string]any `json:"applied"`
	States  []struct {
		Round   string                    `json:"round"`
		Objects map[string]map[string]any `json:"objects"`
	} `json:"states"`
}

func record(t *testing.T) recording {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(testkit.Root(), "..", "shared", "fixtures", "adoption", "nginx.json"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the recording of a cluster run by Flagger is not beside the checkout: ../shared/fixtures/adoption/nginx.json")
	}
	if err != nil {
		t.Fatal(err)
	}
	var r recording
	if err := json.Unmarshal(content, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// canary is the one that the user applied.
func (r recording) canary(t *testing.T) *v1beta1.Canary {
	t.Helper()
	for _, object := range r.Applied {
		if object["kind"] != v1beta1.CanaryKind {
			continue
		}
		content, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		c := &v1beta1.Canary{}
		if err := json.Unmarshal(content, c); err != nil {
			t.Fatal(err)
		}
		c.UID = "8a1f4c0e-0000-4000-8000-000000000001"
		return c
	}
	t.Fatal("the recording has no canary")
	return nil
}

// recorded is an Ingress of the recording, as it can be created.
func recorded(object map[string]any, owners ...metav1.OwnerReference) *unstructured.Unstructured {
	content, _ := json.Marshal(object)
	ingress := &unstructured.Unstructured{}
	_ = json.Unmarshal(content, &ingress.Object)
	ingress.SetGroupVersionKind(kind)
	ingress.SetOwnerReferences(owners)
	return ingress
}

// What Flagger left is ours at once, and what it is to be: nothing is written before a step of our own, which leaves
// nothing of Flagger's plain updates behind.
func TestFlaggersIngressesAreOurs(t *testing.T) {
	r := record(t)
	direct := connect(t)
	seen := map[rollout.Traffic]bool{}
	for _, state := range r.States {
		object, found := state.Objects["ingresses/podinfo-canary"]
		if !found {
			continue
		}
		t.Run(state.Round, func(t *testing.T) {
			k := newCluster(t, direct, r.canary(t))
			k.create(recorded(state.Objects["ingresses/podinfo"]), "kubectl")
			k.create(recorded(object, kube.OwnerReference(k.canary)), kube.FieldManager)
			left := k.observe()
			seen[left] = true
			k.apply(left, 0)
			next := rollout.Split(left.Canary + 1)
			if err := k.router.Apply(t.Context(), k.canary, next); err != nil {
				t.Fatal(err)
			}
			k.apply(next, 0)
			for _, entry := range k.ingress("podinfo-canary").GetManagedFields() {
				if entry.Operation == metav1.ManagedFieldsOperationUpdate {
					t.Errorf("fields are still owned by plain updates of %s: %s", entry.Manager, entry.FieldsV1)
				}
			}
		})
	}
	if !seen[rollout.Split(25)] || !seen[rollout.Split(50)] || !seen[rollout.ToPrimary()] {
		t.Errorf("the recording has no step of the run: %v", seen)
	}
}

// unowned is a canary Ingress without an owner, as a Flagger with another cluster's mesh leaves it at 25 percent.
func unowned(change func(*unstructured.Unstructured)) *unstructured.Unstructured {
	ingress, err := dialect(prefix).render(canary(), usersIngress(""), rollout.Split(25))
	if err != nil {
		panic(err)
	}
	change(ingress)
	return ingress
}

func TestAnUnownedCanaryIngressOfFlaggerIsClaimed(t *testing.T) {
	k := newCluster(t, connect(t), canary())
	k.create(usersIngress(""), "kubectl")
	k.create(unowned(func(*unstructured.Unstructured) {}), kube.FieldManager)
	if got := k.observe(); got != rollout.Split(25) {
		t.Errorf("found %+v", got)
	}
	if err := k.router.Apply(t.Context(), k.canary, rollout.Split(25)); err != nil {
		t.Fatal(err)
	}
	k.apply(rollout.Split(25), 0)
	if !kube.IsOwned(k.canary, k.ingress("podinfo-canary")) {
		t.Error("it would outlive the canary")
	}
}

func TestSomebodyElsesIngressIsLeftAlone(t *testing.T) {
	yes := true
	for name, test := range map[string]struct {
		reason string
		change func(*unstructured.Unstructured)
	}{
		"NoCanary": {
			reason: "Only the name is the same.",
			change: annotate(map[string]string{prefix + "/canary": ""}),
		},
		"ByHand": {
			reason: "A canary Ingress without the guards is a user's own.",
			change: annotate(map[string]string{"kustomize.toolkit.fluxcd.io/reconcile": ""}),
		},
		"AnotherService": {
			reason: "Flagger made it for another canary.",
			change: func(ingress *unstructured.Unstructured) {
				for _, service := range services(ingress.Object["spec"].(map[string]any)) {
					service["name"] = "other-canary"
				}
			},
		},
		"AnotherClustersCanary": {
			reason: "The annotation stands in for an owner reference.",
			change: annotate(map[string]string{router.CreatorAnnotation: "8a1f4c0e-0000-4000-8000-000000000002"}),
		},
		"AnotherController": {
			reason: "Its controller would write it back.",
			change: func(ingress *unstructured.Unstructured) {
				ingress.SetOwnerReferences([]metav1.OwnerReference{{
					APIVersion: "example.com/v1", Kind: "Shop", Name: "shop", UID: "8a1f4c0e-0000-4000-8000-000000000003", Controller: &yes,
				}})
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := newCluster(t, connect(t), canary())
			k.create(usersIngress(""), "kubectl")
			k.create(unowned(test.change), "kubectl")
			before := k.ingress("podinfo-canary")
			if _, err := k.router.Observe(t.Context(), k.canary); !errors.Is(err, router.ErrNotFound) {
				t.Errorf("%s observe: got error %v", test.reason, err)
			}
			for _, want := range []rollout.Traffic{rollout.ToPrimary(), rollout.Split(25)} {
				if err := k.router.Apply(t.Context(), k.canary, want); !errors.Is(err, router.ErrForeign) {
					t.Errorf("%s apply %+v: got error %v", test.reason, want, err)
				}
			}
			for _, deps := range []router.Deps{k.router.deps, {Client: k.router.deps.Client}} {
				if err := New(prefix, deps).Release(t.Context(), k.canary); err != nil {
					t.Errorf("%s release: got error %v", test.reason, err)
				}
			}
			if diff := cmp.Diff(before.Object, k.ingress("podinfo-canary").Object); diff != "" || k.writes != 0 {
				t.Errorf("%s It was written %d times (-before +after):\n%s", test.reason, k.writes, diff)
			}
		})
	}
}

func TestNothingToReleaseWithoutAReference(t *testing.T) {
	c := canary()
	c.Spec.IngressRef = nil
	if err := New(prefix, router.Deps{}).Release(t.Context(), c); err != nil {
		t.Errorf("got error %v, but a canary that never had an Ingress must be let go", err)
	}
}

// With another prefix, ingress-nginx's own is one like any other.
func TestAnotherPrefix(t *testing.T) {
	source := usersIngress("test")
	annotate(map[string]string{prefix + "/canary": "true", "shop.example.com/canary-by-header": "x"})(source)
	ingress, err := dialect("shop.example.com").render(canary(), source, rollout.Split(10))
	if err != nil {
		t.Fatal(err)
	}
	want := kube.Guarded(map[string]string{"shop.example.com/canary": "true", "shop.example.com/canary-weight": "10"})
	maps.Copy(want, map[string]string{"example.com/team": "a", prefix + "/affinity": "cookie", prefix + "/canary": "true"})
	if diff := cmp.Diff(want, ingress.GetAnnotations()); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
}
