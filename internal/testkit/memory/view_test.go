package memory_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/internal/testkit/memory"
)

// TestCaches tells what a client sees while others and it itself write.
func TestCaches(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		// tell does something; hand is somebody else's client.
		tell func(t *testing.T, hand, c *memory.Client)
		want string
	}{
		"BeforeTheWatch": {
			reason: "A change is not seen before the cache has it.",
			tell:   func(t *testing.T, hand, _ *memory.Client) { must(t, say(t, hand, "a", "new")) },
			want:   "old",
		},
		"AfterTheWatch": {
			reason: "And is afterwards.",
			tell: func(t *testing.T, hand, c *memory.Client) {
				must(t, say(t, hand, "a", "new"))
				c.Deliver(configMapKind, -1)
			},
			want: "new",
		},
		"InOrder": {
			reason: "Changes are seen one after the other.",
			tell: func(t *testing.T, hand, c *memory.Client) {
				must(t, say(t, hand, "a", "first"))
				must(t, say(t, hand, "a", "second"))
				c.Deliver(configMapKind, 1)
			},
			want: "first",
		},
		"OwnWrite": {
			reason: "A client waits for its own write, and for all that came before.",
			tell: func(t *testing.T, hand, c *memory.Client) {
				must(t, say(t, hand, "a", "new"))
				must(t, say(t, c, "b", "own"))
				says(c, "b")
			},
			want: "new",
		},
		"OwnWriteOfAnother": {
			reason: "But only where it reads that very object.",
			tell: func(t *testing.T, hand, c *memory.Client) {
				must(t, say(t, hand, "a", "new"))
				must(t, say(t, c, "b", "own"))
			},
			want: "old",
		},
		"OwnWriteInAList": {
			reason: "Or lists its kind.",
			tell: func(t *testing.T, hand, c *memory.Client) {
				must(t, say(t, hand, "a", "new"))
				must(t, say(t, c, "b", "own"))
				must(t, c.List(t.Context(), &corev1.ConfigMapList{}))
			},
			want: "new",
		},
		"OwnWriteUnobserved": {
			reason: "A client that does not want to wait for its write does not.",
			tell: func(t *testing.T, _, c *memory.Client) {
				config := &corev1.ConfigMap{}
				must(t, c.Get(t.Context(), key("a"), config))
				config.Data["says"] = "own"
				must(t, c.Update(t.Context(), config, client.DisableReadYourWritesConsistency))
			},
			want: "old",
		},
		"OwnDeletion": {
			reason: "Deletions are writes.",
			tell:   func(t *testing.T, _, c *memory.Client) { must(t, c.Delete(t.Context(), configMap("a", ""))) },
			want:   "NotFound",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer()
			hand := server.Direct()
			must(t, hand.Create(t.Context(), configMap("a", "old")))
			must(t, hand.Create(t.Context(), configMap("b", "old")))
			c := server.Connect(memory.Hooks{})
			test.tell(t, hand, c)
			if got := says(c, "a"); got != test.want {
				t.Errorf("%s Got %q, want %q", test.reason, got, test.want)
			}
			if current := says(server.Connect(memory.Hooks{}), "a"); says(c.Live(), "a") != current || says(hand, "a") != current {
				t.Errorf("live reads and new caches are current: want %q", current)
			}
		})
	}
}

func TestSeenLooksWithoutTouching(t *testing.T) {
	server := newServer()
	must(t, server.Direct().Create(t.Context(), configMap("a", "old")))
	c := server.Connect(memory.Hooks{})
	must(t, say(t, c, "a", "own"))
	at := key("a")
	data, _, _ := unstructured.NestedString(c.Seen(configMapKind, at, &corev1.ConfigMap{}), "data", "says")
	if data != "own" {
		t.Errorf("a read would show the own write: got %q", data)
	}
	if diff := cmp.Diff([]schema.GroupVersionKind{configMapKind}, c.Behind()); diff != "" {
		t.Errorf("nothing has been delivered yet (-want +got):\n%s", diff)
	}
	data, _, _ = unstructured.NestedString(c.Seen(configMapKind, at, &unstructured.Unstructured{}), "data", "says")
	if data != "old" {
		t.Errorf("a typed write is not waited for by other reads: got %q", data)
	}
}

func TestRepresentations(t *testing.T) {
	server := newServer()
	c := server.Connect(memory.Hooks{})
	object := testkit.Deployment("app:1")
	object.Namespace = namespace
	must(t, c.Create(t.Context(), object))
	c.Deliver(deploymentKind, -1)
	at := client.ObjectKeyFromObject(object)

	tree := &unstructured.Unstructured{}
	tree.SetGroupVersionKind(deploymentKind)
	must(t, c.Get(t.Context(), at, tree))
	if replicas, _, _ := unstructured.NestedInt64(tree.Object, "spec", "replicas"); replicas != 2 {
		t.Errorf("a tree has the whole object: got %v", tree.Object)
	}
	slim := &metav1.PartialObjectMetadata{}
	slim.SetGroupVersionKind(deploymentKind)
	must(t, c.Get(t.Context(), at, slim))
	if slim.Labels["app"] != testkit.App || slim.UID != object.UID {
		t.Errorf("metadata is that of the object: got %+v", slim)
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(deploymentKind.GroupVersion().WithKind("DeploymentList"))
	must(t, c.List(t.Context(), list, client.InNamespace(namespace), client.MatchingLabels{"app": testkit.App}))
	if len(list.Items) != 1 {
		t.Errorf("got %d of one", len(list.Items))
	}
	must(t, c.List(t.Context(), list, client.MatchingLabels{"app": "another"}))
	if len(list.Items) != 0 {
		t.Errorf("labels select: got %d", len(list.Items))
	}
	tree.SetKind("StatefulSet")
	if err := c.Get(t.Context(), at, tree); err == nil {
		t.Error("a kind that is not served is an error")
	}
}

func TestReadsAreCopies(t *testing.T) {
	server := newServer()
	c := server.Connect(memory.Hooks{})
	must(t, c.Create(t.Context(), configMap("a", "old")))
	at := key("a")
	config, tree := &corev1.ConfigMap{}, &unstructured.Unstructured{}
	tree.SetGroupVersionKind(configMapKind)
	must(t, c.Get(t.Context(), at, config))
	c.Deliver(configMapKind, -1)
	must(t, c.Get(t.Context(), at, tree))
	config.Data["says"] = "changed"
	must(t, unstructured.SetNestedField(tree.Object, "changed", "data", "says"))
	if got := says(c, "a"); got != "old" {
		t.Errorf("who changes what was read changes nothing else: got %q", got)
	}
}

func TestIndices(t *testing.T) {
	server := newServer()
	c := server.Connect(memory.Hooks{})
	must(t, c.IndexField(t.Context(), &v1beta1.Canary{}, "target", func(o client.Object) []string {
		return []string{o.(*v1beta1.Canary).Spec.TargetRef.Name}
	}))
	for _, name := range []string{"b", "a"} {
		canary := testkit.Canary(testkit.Named(name))
		canary.Namespace = namespace
		must(t, c.Create(t.Context(), canary))
	}
	found := &v1beta1.CanaryList{}
	must(t, c.List(t.Context(), found, client.InNamespace(namespace), client.MatchingFields{"target": testkit.App}))
	if len(found.Items) != 2 || found.Items[0].Name != "a" {
		t.Errorf("got %d canaries, want both in the order of their names", len(found.Items))
	}
	must(t, c.List(t.Context(), found, client.MatchingFields{"target": "another"}))
	if len(found.Items) != 0 {
		t.Errorf("an index selects: got %d", len(found.Items))
	}
	if err := c.List(t.Context(), found, client.MatchingFields{"colour": "red"}); err == nil {
		t.Error("a field without an index is an error, as in a cache")
	}
}

func TestCollect(t *testing.T) {
	server := newServer()
	hand := server.Direct()
	canary := testkit.Canary()
	canary.Namespace = namespace
	must(t, hand.Create(t.Context(), canary))
	owned, shared, free := configMap("owned", "x"), configMap("shared", "x"), configMap("free", "x")
	keeper := configMap("keeper", "x")
	must(t, hand.Create(t.Context(), keeper))
	reference := func(kind string, o client.Object) metav1.OwnerReference {
		return metav1.OwnerReference{APIVersion: "v1", Kind: kind, Name: o.GetName(), UID: o.GetUID()}
	}
	owned.OwnerReferences = []metav1.OwnerReference{reference("Canary", canary)}
	shared.OwnerReferences = []metav1.OwnerReference{reference("Canary", canary), reference("ConfigMap", keeper)}
	for _, config := range []*corev1.ConfigMap{owned, shared, free} {
		must(t, hand.Create(t.Context(), config))
	}
	if server.Collect() {
		t.Error("nobody is an orphan yet")
	}
	must(t, hand.Delete(t.Context(), canary))
	if !server.Collect() || server.Collect() {
		t.Error("there is garbage once")
	}
	for name, want := range map[string]string{"owned": "NotFound", "shared": "x", "free": "x"} {
		if got := says(hand, name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}
