package workload

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit"
)

// recording is a cluster in which Flagger ran a good and a bad release.
type recording struct {
	Applied []json.RawMessage `json:"applied"`
	States  []struct {
		Round   string                     `json:"round"`
		Status  v1beta1.CanaryStatus       `json:"status"`
		Objects map[string]json.RawMessage `json:"objects"`
	} `json:"states"`
}

// recorded reads a recording from beside the checkout, or skips the test.
func recorded(t *testing.T, name string) recording {
	t.Helper()
	file := filepath.Join(testkit.Root(), "..", "shared", "fixtures", "adoption", name)
	content, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		t.Skipf("not checked against a cluster run by Flagger: the recording %s is not there", file)
	}
	if err != nil {
		t.Fatal(err)
	}
	var found recording
	if err := json.Unmarshal(content, &found); err != nil {
		t.Fatal(err)
	}
	return found
}

// canary is the canary as it was applied.
func (r recording) canary(t *testing.T) *v1beta1.Canary {
	t.Helper()
	for _, applied := range r.Applied {
		found := &v1beta1.Canary{}
		if err := json.Unmarshal(applied, found); err == nil && found.Kind == "Canary" {
			found.UID = types.UID("11111111-2222-3333-4444-555555555555")
			return found
		}
	}
	t.Fatal("the recording has no canary")
	return nil
}

// decode reads one recorded object; it reports whether there is one.
func decode(t *testing.T, objects map[string]json.RawMessage, key string, into metav1.Object) bool {
	t.Helper()
	content, found := objects[key]
	if !found {
		return false
	}
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatal(err)
	}
	return true
}

// owned gives a recorded object's owner reference the UID that the recording leaves out.
func owned(object metav1.Object, c *v1beta1.Canary) {
	if !foreign(object) {
		object.SetOwnerReferences([]metav1.OwnerReference{kube.OwnerReference(c)})
	}
}

func TestPrimariesMadeByFlaggerAreRecognised(t *testing.T) {
	for _, name := range []string{"gw.json", "nginx.json", "k8s-bg.json"} {
		t.Run(name, func(t *testing.T) {
			seen := recorded(t, name)
			c := seen.canary(t)
			compared := 0
			for _, state := range seen.States {
				target, primary := &appsv1.Deployment{}, &appsv1.Deployment{}
				if !decode(t, state.Objects, "deployments/podinfo-primary", primary) {
					continue
				}
				decode(t, state.Objects, "deployments/podinfo", target)
				compared++
				want := rollout.Version{}
				if image(target) == image(primary) {
					want.Revision = revisionOf(t, target)
				}
				adapter := NewDeployment(Options{SelectorLabels: defaultLabels})
				got, err := adapter.copiedFrom(c, deployments{}.view(target), deployments{}.view(primary), revisionOf(t, target))
				if err != nil || got != want {
					t.Errorf("%s, %s: target %s, primary %s: the primary is taken for a copy of %q (%v), want %q",
						state.Round, state.Status.Phase, image(target), image(primary), got, err, want)
				}
			}
			if compared == 0 {
				t.Error("the recording has no primary")
			}
		})
	}
}

func image(d *appsv1.Deployment) string { return d.Spec.Template.Spec.Containers[0].Image }

// TestAdoptionRollsNothing loads the cluster as Flagger left it at rest and lets us make everything as it should be.
func TestAdoptionRollsNothing(t *testing.T) {
	for name, change := range map[string]func(k *cluster){
		"Tracking":    func(k *cluster) { k.tracking() },
		"NotTracking": func(*cluster) {},
	} {
		t.Run(name, func(t *testing.T) {
			k := newCluster(t)
			change(&k)
			c := k.restored(t, recorded(t, "gw.json"), v1beta1.PhaseInitialized)
			before, served := k.versions(t), k.readDeployment(t, "podinfo-primary")
			pair, err := k.deployment.Observe(t.Context(), c, rollout.Plan{PrimaryReady: 100, CanaryReady: 100})
			if err != nil || pair.Obstacle != "" {
				t.Fatal(err, pair.Obstacle)
			}
			if pair.Target.Revision == "" || pair.Target.Revision != pair.Primary.Revision {
				t.Errorf("target %q and primary %q, want the same revision", pair.Target.Revision, pair.Primary.Revision)
			}
			version := rollout.Version{Revision: pair.Target.Revision, Configs: rollout.Fingerprint(pair.Configs)}
			k.everything(t, c, version)
			marked := k.readDeployment(t, "podinfo-primary")
			if diff := cmp.Diff(served.Spec, marked.Spec); diff != "" || recordedOn(marked) != version {
				t.Errorf("marked %v, want %v and the same spec (-before +after):\n%s", recordedOn(marked), version, diff)
			}
			before["podinfo-primary, Deployment"] = marked.ResourceVersion
			k.everything(t, c, version)
			if diff := cmp.Diff(before, k.versions(t)); diff != "" {
				t.Errorf("adoption wrote more than the mark (-before +after):\n%s", diff)
			}
		})
	}
}

// restored makes the workloads, Services and configs of a recording's only state in that phase, and returns the canary.
func (c cluster) restored(t *testing.T, from recording, phase v1beta1.CanaryPhase) *v1beta1.Canary {
	t.Helper()
	canary := from.canary(t)
	canary.Namespace = c.namespace
	kinds := map[string]func() client.Object{
		"deployments": func() client.Object { return &appsv1.Deployment{} },
		"services":    func() client.Object { return &corev1.Service{} },
		"configmaps":  func() client.Object { return &corev1.ConfigMap{} },
		"secrets":     func() client.Object { return &corev1.Secret{} },
	}
	found := 0
	for _, state := range from.States {
		if state.Status.Phase != phase {
			continue
		}
		found++
		for key := range state.Objects {
			resource, _, _ := strings.Cut(key, "/")
			if kinds[resource] == nil {
				continue
			}
			object := kinds[resource]()
			decode(t, state.Objects, key, object)
			object.SetNamespace(c.namespace)
			owned(object, canary)
			c.create(t, object)
		}
	}
	if found != 1 {
		t.Fatalf("%d states %s, want 1", found, phase)
	}
	return canary
}

// everything performs all that a canary at rest may ask for.
func (c cluster) everything(t *testing.T, canary *v1beta1.Canary, version rollout.Version) {
	t.Helper()
	for _, perform := range []func() error{
		func() error { return c.services.Ensure(t.Context(), canary) },
		func() error { return c.deployment.SyncPrimary(t.Context(), canary, version) },
		func() error { return c.services.EnsureApex(t.Context(), canary) },
		func() error { return c.deployment.Scale(t.Context(), canary, rollout.Down) },
	} {
		if err := perform(); err != nil {
			t.Fatal(err)
		}
	}
}

// versions are the resource versions of all objects that we may write, by name and kind.
func (c cluster) versions(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, list := range []client.ObjectList{
		&appsv1.DeploymentList{}, &appsv1.DaemonSetList{}, &corev1.ServiceList{}, &corev1.ConfigMapList{}, &corev1.SecretList{},
	} {
		if err := c.List(t.Context(), list, client.InNamespace(c.namespace)); err != nil {
			t.Fatal(err)
		}
		err := meta.EachListItem(list, func(o runtime.Object) error {
			object := o.(client.Object)
			kind := strings.TrimPrefix(fmt.Sprintf("%T", object), "*v1.")
			found[object.GetName()+", "+kind] = object.GetResourceVersion()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func TestOnlyRenamesOfACopyAreForgiven(t *testing.T) {
	cases := map[string]struct {
		reason        string
		source, other string
		want          bool
	}{
		"ConfigMap": {
			reason: "Flagger lets the primary refer to a copy of a tracked ConfigMap.",
			source: `{spec: {containers: [{name: a, envFrom: [{configMapRef: {name: env}}]}]}}`,
			other:  `{spec: {containers: [{name: a, envFrom: [{configMapRef: {name: env-primary}}]}]}}`,
			want:   true,
		},
		"SecretVolume": {
			reason: "The same for a Secret in a volume.",
			source: `{spec: {containers: [], volumes: [{name: v, secret: {secretName: s}}]}}`,
			other:  `{spec: {containers: [], volumes: [{name: v, secret: {secretName: s-primary}}]}}`,
			want:   true,
		},
		"InitContainer": {
			reason: "Init containers have references as well.",
			source: `{spec: {containers: [], initContainers: [{name: a, env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]}}`,
			other:  `{spec: {containers: [], initContainers: [{name: a, env: [{name: A, valueFrom: {secretKeyRef: {name: s-primary, key: k}}}]}]}}`,
			want:   true,
		},
		"AntiAffinity": {
			reason: "The primary keeps apart from itself and not from the target.",
			source: `{spec: {containers: [], topologySpreadConstraints: [{labelSelector: {matchLabels: {app.kubernetes.io/name: a}}}]}}`,
			other:  `{spec: {containers: [], topologySpreadConstraints: [{labelSelector: {matchLabels: {app.kubernetes.io/name: a-primary}}}]}}`,
			want:   true,
		},
		"AnotherConfigMap": {
			reason: "A reference to something else is a change.",
			source: `{spec: {containers: [{name: a, envFrom: [{configMapRef: {name: env}}]}]}}`,
			other:  `{spec: {containers: [{name: a, envFrom: [{configMapRef: {name: env-2}}]}]}}`,
		},
		"WrongWay": {
			reason: "Copies have the longer name; the other way around is a change.",
			source: `{spec: {containers: [{name: a, envFrom: [{configMapRef: {name: env-primary}}]}]}}`,
			other:  `{spec: {containers: [{name: a, envFrom: [{configMapRef: {name: env}}]}]}}`,
		},
		"Image": {
			reason: "Nothing but references and selectors is renamed.",
			source: `{spec: {containers: [{name: a, image: app}]}}`,
			other:  `{spec: {containers: [{name: a, image: app-primary}]}}`,
		},
		"KeyOfAReference": {
			reason: "The key within a ConfigMap is not its name.",
			source: `{spec: {containers: [{name: a, env: [{name: A, valueFrom: {configMapKeyRef: {name: s, key: k}}}]}]}}`,
			other:  `{spec: {containers: [{name: a, env: [{name: A, valueFrom: {configMapKeyRef: {name: s, key: k-primary}}}]}]}}`,
		},
		"MoreContainers": {
			reason: "A sidecar more is a change.",
			source: `{spec: {containers: [{name: a}]}}`,
			other:  `{spec: {containers: [{name: a}, {name: b}]}}`,
		},
		"AnotherKind": {
			reason: "A value in place of a reference is a change.",
			source: `{spec: {containers: [{name: a, env: [{name: A, valueFrom: {configMapKeyRef: {name: s, key: k}}}]}]}}`,
			other:  `{spec: {containers: [{name: a, env: [{name: A, value: s}]}]}}`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			source, err := canonical(parse(t, tc.source))
			if err != nil {
				t.Fatal(err)
			}
			other, err := canonical(parse(t, tc.other))
			if err != nil {
				t.Fatal(err)
			}
			if got := isCopy(source, other, ""); got != tc.want {
				t.Errorf("taken for a copy: %t, want %t; %s", got, tc.want, tc.reason)
			}
		})
	}
}
