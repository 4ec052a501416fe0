package workload

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
				plans := planned(t, c, target, flags{SelectorLabels: defaultLabels})
				want := ""
				if image(target) == image(primary) {
					want = plans.revision
				}
				got, err := plans.copied(primary)
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

// TestAdoptionWritesNothing loads the cluster as Flagger left it at rest and lets us make everything as it should be.
func TestAdoptionWritesNothing(t *testing.T) {
	seen := recorded(t, "gw.json")
	k := newCluster(t)
	c := seen.canary(t)
	c.Namespace = k.namespace
	rests := 0
	for _, state := range seen.States {
		if state.Status.Phase != v1beta1.PhaseInitialized {
			continue
		}
		rests++
		for _, name := range []string{"podinfo", "podinfo-primary"} {
			object := &appsv1.Deployment{}
			decode(t, state.Objects, "deployments/"+name, object)
			object.Namespace = k.namespace
			owned(object, c)
			k.create(t, object)
		}
		for _, name := range []string{"podinfo", "podinfo-primary", "podinfo-canary"} {
			object := &corev1.Service{}
			decode(t, state.Objects, "services/"+name, object)
			object.Namespace = k.namespace
			owned(object, c)
			k.create(t, object)
		}
	}
	if rests != 1 {
		t.Fatalf("%d states at rest, want 1", rests)
	}
	before := k.versions(t)
	pair, err := k.deployment.Observe(t.Context(), c, rollout.Plan{PrimaryReady: 100, CanaryReady: 100})
	if err != nil {
		t.Fatal(err)
	}
	if pair.Target.Revision == "" || pair.Target.Revision != pair.Primary.Revision {
		t.Errorf("target %q and primary %q, want the same revision", pair.Target.Revision, pair.Primary.Revision)
	}
	if err := k.everything(t, c, pair.Target.Revision); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, k.versions(t)); diff != "" {
		t.Errorf("adoption wrote (-before +after):\n%s", diff)
	}
}

// everything performs all that a canary at rest may ask for.
func (c cluster) everything(t *testing.T, canary *v1beta1.Canary, revision string) error {
	t.Helper()
	for _, perform := range []func() error{
		func() error { return c.services.Ensure(t.Context(), canary) },
		func() error { return c.deployment.SyncPrimary(t.Context(), canary, revision) },
		func() error { return c.services.EnsureApex(t.Context(), canary) },
		func() error { return c.deployment.Scale(t.Context(), canary, rollout.Down) },
	} {
		if err := perform(); err != nil {
			return err
		}
	}
	return nil
}

// versions are the resource versions of all Deployments and Services.
func (c cluster) versions(t *testing.T) map[string]string {
	t.Helper()
	deployments, services := &appsv1.DeploymentList{}, &corev1.ServiceList{}
	for _, list := range []client.ObjectList{deployments, services} {
		if err := c.List(t.Context(), list, client.InNamespace(c.namespace)); err != nil {
			t.Fatal(err)
		}
	}
	found := map[string]string{}
	for _, object := range deployments.Items {
		found["deployment "+object.Name] = object.ResourceVersion
	}
	for _, object := range services.Items {
		found["service "+object.Name] = object.ResourceVersion
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
