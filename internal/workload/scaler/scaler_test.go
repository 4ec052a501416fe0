package scaler

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/testkit"
)

// The kinds under test.
const (
	kindHPA          = "HorizontalPodAutoscaler"
	kindScaledObject = "ScaledObject"
)

// manifests are autoscalers of the Deployment podinfo by kind, with as few fields as their users may write.
var manifests = map[string]string{
	kindHPA: `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: podinfo, labels: {team: shop}, annotations: {note: theirs}}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: podinfo}
  maxReplicas: 4
  behavior: {scaleDown: {stabilizationWindowSeconds: 60}}
`,
	kindScaledObject: `
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: podinfo, labels: {team: shop}, annotations: {note: theirs}}
spec:
  scaleTargetRef: {name: podinfo}
  initialCooldownPeriod: 30
  minReplicaCount: 1
  advanced: {scalingModifiers: {formula: a + b, target: "2"}}
  fallback: {failureThreshold: 3, replicas: 2}
  triggers:
  - {type: prometheus, name: a, useCachedMetrics: true, metadata: {query: 'up{app="podinfo"}', threshold: "2"}}
  - {type: prometheus, name: b, metadata: {query: 'up{app="podinfo-canary"}', threshold: "2"}}
`,
}

// each runs a test for either kind, with a canary and the target's autoscaler.
func each(t *testing.T, test func(k *cluster, c *v1beta1.Canary, target *unstructured.Unstructured)) {
	for _, kind := range slices.Sorted(maps.Keys(manifests)) {
		t.Run(kind, func(t *testing.T) {
			k := newCluster(t)
			test(k, k.canary(kind), k.create(manifests[kind]))
		})
	}
}

// steal makes an autoscaler with the primary's name, which somebody else has written.
func (k *cluster) steal(kind string) *unstructured.Unstructured {
	k.Helper()
	return k.create(strings.Replace(manifests[kind], "name: podinfo,", "name: podinfo-primary,", 1))
}

func TestObserve(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		before func(k *cluster, c *v1beta1.Canary)
		// want are the obstacles by kind, with NS for the namespace.
		want map[string]string
	}{
		"NothingIsWrong": {
			reason: "An autoscaler of the target is all that it takes.",
			before: func(*cluster, *v1beta1.Canary) {},
			want:   map[string]string{kindHPA: "", kindScaledObject: ""},
		},
		"OurPrimaryIsNoObstacle": {
			reason: "The copy that we made is ours.",
			before: func(k *cluster, c *v1beta1.Canary) { k.writing(k.scaler.Ensure, c, "create podinfo-primary") },
			want:   map[string]string{kindHPA: "", kindScaledObject: ""},
		},
		"Missing": {
			reason: "The user must make the autoscaler, or mend its name.",
			before: func(_ *cluster, c *v1beta1.Canary) { c.Spec.AutoscalerRef.Name = "typo" },
			want: map[string]string{
				kindHPA:          "spec.autoscalerRef.name: HorizontalPodAutoscaler typo.NS does not exist",
				kindScaledObject: "spec.autoscalerRef.name: ScaledObject typo.NS does not exist",
			},
		},
		"ScalesAnotherWorkload": {
			reason: "A copy of it would scale the primary by what somebody else's pods do.",
			before: func(_ *cluster, c *v1beta1.Canary) { c.Spec.TargetRef.Name = "web" },
			want: map[string]string{
				kindHPA:          "spec.autoscalerRef.name: HorizontalPodAutoscaler podinfo.NS has Deployment podinfo in spec.scaleTargetRef and not the canary's target, Deployment web",
				kindScaledObject: "spec.autoscalerRef.name: ScaledObject podinfo.NS has Deployment podinfo in spec.scaleTargetRef and not the canary's target, Deployment web",
			},
		},
		"ScalesAnotherKind": {
			reason: "Workloads of different kinds may share a name; KEDA takes a kind that is not given for Deployment.",
			before: func(_ *cluster, c *v1beta1.Canary) { c.Spec.TargetRef.Kind = "DaemonSet" },
			want: map[string]string{
				kindHPA:          "spec.autoscalerRef.name: HorizontalPodAutoscaler podinfo.NS has Deployment podinfo in spec.scaleTargetRef and not the canary's target, DaemonSet podinfo",
				kindScaledObject: "spec.autoscalerRef.name: ScaledObject podinfo.NS has Deployment podinfo in spec.scaleTargetRef and not the canary's target, DaemonSet podinfo",
			},
		},
		"PrimaryIsForeign": {
			reason: "Nobody else's object is overwritten, so its owner must move it.",
			before: func(k *cluster, c *v1beta1.Canary) { k.steal(c.Spec.AutoscalerRef.Kind) },
			want: map[string]string{
				kindHPA:          "spec.autoscalerRef.name: the primary's autoscaler must be named podinfo-primary, and HorizontalPodAutoscaler podinfo-primary.NS: object belongs to somebody else",
				kindScaledObject: "spec.autoscalerRef.name: the primary's autoscaler must be named podinfo-primary, and ScaledObject podinfo-primary.NS: object belongs to somebody else",
			},
		},
		"BeingDeleted": {
			reason: "What is wrong must not keep a canary from going.",
			before: func(_ *cluster, c *v1beta1.Canary) {
				c.Spec.AutoscalerRef.Name = "typo"
				c.DeletionTimestamp = new(metav1.Unix(1, 0))
			},
			want: map[string]string{kindHPA: "", kindScaledObject: ""},
		},
		"KindNotKnown": {
			reason: "Another kind counts as no autoscaler.",
			before: func(_ *cluster, c *v1beta1.Canary) { c.Spec.AutoscalerRef.Kind = "VerticalPodAutoscaler" },
			want:   map[string]string{kindHPA: "", kindScaledObject: ""},
		},
		"None": {
			reason: "A canary need not have one.",
			before: func(_ *cluster, c *v1beta1.Canary) { c.Spec.AutoscalerRef = nil },
			want:   map[string]string{kindHPA: "", kindScaledObject: ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			each(t, func(k *cluster, c *v1beta1.Canary, target *unstructured.Unstructured) {
				test.before(k, c)
				got, err := k.scaler.Observe(k.Context(), c)
				if err != nil {
					k.Fatal(err)
				}
				if diff := cmp.Diff(test.want[target.GetKind()], strings.ReplaceAll(got, k.namespace, "NS")); diff != "" {
					k.Errorf("obstacle (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// What cannot be read may be in order.
func TestObserveCannotRead(t *testing.T) {
	each(t, func(k *cluster, c *v1beta1.Canary, _ *unstructured.Unstructured) {
		for _, k.unreadable = range Names(c) {
			if obstacle, err := k.scaler.Observe(k.Context(), c); obstacle != "" || !errors.Is(err, errUnreadable) {
				k.Errorf("%s is unreadable: got obstacle %q and error %v", k.unreadable, obstacle, err)
			}
		}
	})
}

// withoutKEDA is an Autoscaler for an API server that serves HorizontalPodAutoscalers only.
func (k *cluster) withoutKEDA() *Autoscaler {
	k.Helper()
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{hpa.gvk.GroupVersion()})
	mapper.Add(hpa.gvk, meta.RESTScopeNamespace)
	c, err := client.New(testkit.StartAPIServer(k.T), client.Options{Mapper: mapper})
	if err != nil {
		k.Fatal(err)
	}
	return New(Options{Client: c})
}

// A cluster without KEDA is the user's to mend, and has nothing that could be paused.
func TestWithoutKEDA(t *testing.T) {
	k := newCluster(t)
	c := k.canary(kindScaledObject)
	k.scaler = k.withoutKEDA()
	obstacle, err := k.scaler.Observe(t.Context(), c)
	if want := "spec.autoscalerRef.kind: the CRD of ScaledObject in keda.sh/v1alpha1 is not installed"; obstacle != want || err != nil {
		t.Errorf("got obstacle %q and error %v, want %q", obstacle, err, want)
	}
	if err := k.scaler.Pause(t.Context(), c); err != nil {
		t.Errorf("pause: %v", err)
	}
	if floor, err := k.scaler.Resume(t.Context(), c); floor != 1 || err != nil {
		t.Errorf("resume: got %d and error %v, want 1", floor, err)
	}
	for name, act := range map[string]func(context.Context, *v1beta1.Canary) error{"Ensure": k.scaler.Ensure, "Sync": k.scaler.Sync} {
		if err := act(t.Context(), c); !meta.IsNoMatchError(err) {
			t.Errorf("%s: got error %v, want that the kind is not served", name, err)
		}
	}
}

// The defaults of the API server are in the source and in the copy: the second call finds nothing to write, nor does a
// look at an autoscaler that exists.
func TestEnsureAndSyncAreSilentTheSecondTime(t *testing.T) {
	each(t, func(k *cluster, c *v1beta1.Canary, target *unstructured.Unstructured) {
		k.writing(k.scaler.Ensure, c, "create podinfo-primary")
		made := k.read(target.GetKind(), "podinfo-primary")
		if !kube.IsOwned(c, made) {
			k.Error("the copy is not the canary's")
		}
		k.writing(k.scaler.Ensure, c)
		k.writing(k.scaler.Sync, c)
		k.unchanged(made, k.read(target.GetKind(), "podinfo-primary"))
		k.unchanged(target, k.read(target.GetKind(), "podinfo"))
	})
}

func TestSyncCreates(t *testing.T) {
	each(t, func(k *cluster, c *v1beta1.Canary, _ *unstructured.Unstructured) {
		k.writing(k.scaler.Sync, c, "create podinfo-primary")
		k.writing(k.scaler.Sync, c)
	})
}

// Each change of the target's autoscaler, or of the canary's bounds, takes one write. What Sync makes of it is the
// business of the goldens; here it must be what the API server stores.
func TestSyncFollows(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		change func(k *cluster, c *v1beta1.Canary)
	}{
		"Bounds": {
			reason: "More pods for the target are meant for what serves.",
			change: func(k *cluster, c *v1beta1.Canary) {
				k.spec(c, "podinfo", kinds[c.Spec.AutoscalerRef.Kind].most, int64(8))
			},
		},
		"BoundsOfTheCanary": {
			reason: "The canary has the last word.",
			change: func(_ *cluster, c *v1beta1.Canary) {
				c.Spec.AutoscalerRef.PrimaryScalerReplicas = &v1beta1.ScalerReplicas{MinReplicas: new(int32(2)), MaxReplicas: new(int32(9))}
			},
		},
		"FieldRemoved": {
			reason: "What the user takes back is gone from the copy.",
			change: func(k *cluster, c *v1beta1.Canary) {
				k.spec(c, "podinfo", "behavior", nil)
				k.spec(c, "podinfo", "fallback", nil)
			},
		},
		"Labels": {
			reason: "Labels follow too, and go with the target's.",
			change: func(k *cluster, c *v1beta1.Canary) {
				k.edit(c.Spec.AutoscalerRef.Kind, "podinfo", func(object *unstructured.Unstructured) {
					object.SetLabels(map[string]string{"tier": "web"})
				})
			},
		},
		"AllMetadataRemoved": {
			reason: "The API server stores no empty map, so the copy must not ask for one.",
			change: func(k *cluster, c *v1beta1.Canary) {
				k.edit(c.Spec.AutoscalerRef.Kind, "podinfo", func(object *unstructured.Unstructured) {
					object.SetLabels(nil)
					object.SetAnnotations(nil)
				})
			},
		},
		"DriftOfThePrimary": {
			reason: "Edits of the copy do not last.",
			change: func(k *cluster, c *v1beta1.Canary) {
				k.spec(c, "podinfo-primary", kinds[c.Spec.AutoscalerRef.Kind].most, int64(50))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			each(t, func(k *cluster, c *v1beta1.Canary, target *unstructured.Unstructured) {
				k.writing(k.scaler.Sync, c, "create podinfo-primary")
				test.change(k, c)
				target = k.read(target.GetKind(), "podinfo")
				k.writing(k.scaler.Sync, c, "patch podinfo-primary")
				stored := k.read(target.GetKind(), "podinfo-primary")
				k.unchanged(render(k.T, c, target, stored), stored)
				k.writing(k.scaler.Sync, c)
				k.unchanged(target, k.read(target.GetKind(), "podinfo"))
			})
		})
	}
}

// spec sets a field of an autoscaler's spec as its user may; nil removes it.
func (k *cluster) spec(c *v1beta1.Canary, name, field string, value any) {
	k.Helper()
	k.edit(c.Spec.AutoscalerRef.Kind, name, func(object *unstructured.Unstructured) {
		spec := object.Object["spec"].(map[string]any)
		if spec[field] = value; value == nil {
			delete(spec, field)
		}
	})
}

func TestForeignPrimaryIsLeftAlone(t *testing.T) {
	each(t, func(k *cluster, c *v1beta1.Canary, target *unstructured.Unstructured) {
		foreign := k.steal(target.GetKind())
		for _, act := range []func(context.Context, *v1beta1.Canary) error{k.scaler.Ensure, k.scaler.Sync} {
			if err := act(k.Context(), c); !errors.Is(err, ErrForeign) {
				k.Errorf("got error %v, want ErrForeign", err)
			}
		}
		k.hidden = foreign.GetName()
		k.writing(k.scaler.Sync, c, "create podinfo-primary") // a cache that lags: the create is refused, and the next call sees why
		k.unchanged(foreign, k.read(target.GetKind(), foreign.GetName()))
	})
}

// A canary that was deleted and made again owns nothing of its predecessor.
func TestPrimaryOfAnEarlierCanaryIsForeign(t *testing.T) {
	each(t, func(k *cluster, c *v1beta1.Canary, _ *unstructured.Unstructured) {
		k.writing(k.scaler.Ensure, c, "create podinfo-primary")
		c.UID = "another"
		if err := k.scaler.Ensure(k.Context(), c); !errors.Is(err, ErrForeign) {
			k.Errorf("got error %v, want ErrForeign", err)
		}
	})
}

// A write that rests on an old copy is refused, whatever has changed since.
func TestSyncLosesRaces(t *testing.T) {
	each(t, func(k *cluster, c *v1beta1.Canary, target *unstructured.Unstructured) {
		k.writing(k.scaler.Ensure, c, "create podinfo-primary")
		known := kinds[target.GetKind()]
		stale := k.read(target.GetKind(), "podinfo-primary")
		k.spec(c, "podinfo-primary", known.most, int64(50))
		raced := k.read(target.GetKind(), "podinfo-primary")
		k.spec(c, "podinfo", known.most, int64(8))
		if err := k.scaler.write(k.Context(), c, known, stale); !apierrors.IsConflict(err) {
			k.Errorf("got error %v, want a conflict", err)
		}
		k.unchanged(raced, k.read(target.GetKind(), "podinfo-primary"))
	})
}

func TestWithoutAutoscaler(t *testing.T) {
	k := newCluster(t)
	for _, kind := range []string{"", "VerticalPodAutoscaler"} {
		c := k.canary(kind)
		if kind == "" {
			c.Spec.AutoscalerRef = nil
		}
		for _, act := range []func(context.Context, *v1beta1.Canary) error{k.scaler.Ensure, k.scaler.Sync, k.scaler.Pause} {
			k.writing(act, c)
		}
		if floor, err := k.scaler.Resume(t.Context(), c); floor != 1 || err != nil {
			t.Errorf("resume: got %d and error %v, want 1", floor, err)
		}
		if gvk, found := GVK(c); found || !gvk.Empty() || Names(c) != nil {
			t.Errorf("kind %q: watches %v %v", kind, gvk, Names(c))
		}
	}
}

func TestWatched(t *testing.T) {
	for kind, want := range map[string]string{kindHPA: "autoscaling/v2", kindScaledObject: "keda.sh/v1alpha1"} {
		c := (&cluster{T: t}).canary(kind)
		gvk, found := GVK(c)
		if got := gvk.GroupVersion().String(); !found || got != want || gvk.Kind != kind {
			t.Errorf("got %v, want %s in %s", gvk, kind, want)
		}
		if diff := cmp.Diff([]string{"podinfo", "podinfo-primary"}, Names(c)); diff != "" {
			t.Errorf("names (-want +got):\n%s", diff)
		}
	}
}
