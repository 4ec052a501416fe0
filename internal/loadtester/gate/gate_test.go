package gate_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/loadtester/gate"
	"flagger.app/flagger/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// cluster returns a client of the API server and the name of a ConfigMap, in a namespace of its own, that does not exist.
func cluster(t *testing.T) (client.Client, types.NamespacedName) {
	t.Helper()
	c, err := client.New(testkit.StartAPIServer(t), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c, types.NamespacedName{Namespace: testkit.NewNamespace(t, c), Name: "gates"}
}

// stores returns one of each implementation, with every switch closed.
func stores(t *testing.T) map[string]gate.Store {
	t.Helper()
	c, name := cluster(t)
	return map[string]gate.Store{"Memory": &gate.Memory{}, "ConfigMap": gate.NewConfigMap(c, name)}
}

func podinfo(kind gate.Kind) gate.Key { return gate.Key{Kind: kind, Canary: "podinfo.test"} }

// open returns those of keys that s says are open.
func open(t *testing.T, s gate.Store, keys ...gate.Key) []string {
	t.Helper()
	var found []string
	for _, k := range keys {
		isOpen, err := s.IsOpen(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		if isOpen {
			found = append(found, k.String())
		}
	}
	return found
}

func TestSwitches(t *testing.T) {
	advance, rollback := podinfo(gate.Advance), podinfo(gate.Rollback)
	namesake := gate.Key{Kind: gate.Advance, Canary: "rollback.podinfo.test"}
	other := gate.Key{Kind: gate.Advance, Canary: "podinfo.prod"}

	type step struct {
		reason string
		open   []gate.Key
		close  []gate.Key
		want   []string
	}
	steps := []step{
		{"Nobody has opened anything.", nil, nil, nil},
		{"What was never open can be closed.", nil, []gate.Key{advance}, nil},
		{"One switch is one canary's.", []gate.Key{advance}, nil, []string{"podinfo.test"}},
		{"Opening twice is opening.", []gate.Key{advance, other}, nil, []string{"podinfo.test", "podinfo.prod"}},
		{"Kinds are apart.", []gate.Key{rollback}, nil, []string{"podinfo.test", "rollback.podinfo.test", "podinfo.prod"}},
		{"Closing closes one.", nil, []gate.Key{advance}, []string{"rollback.podinfo.test", "podinfo.prod"}},
		{"A canary may be called like another one's rollback.", nil, []gate.Key{namesake, other}, []string{"rollback.podinfo.test"}},
		{"Closing twice is closing.", nil, []gate.Key{rollback, rollback}, nil},
	}
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			for _, step := range steps {
				for _, k := range step.open {
					if err := s.Open(t.Context(), k); err != nil {
						t.Fatalf("%s: %v", step.reason, err)
					}
				}
				for _, k := range step.close {
					if err := s.Close(t.Context(), k); err != nil {
						t.Fatalf("%s: %v", step.reason, err)
					}
				}
				if diff := cmp.Diff(step.want, open(t, s, advance, rollback, other, namesake)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", step.reason, diff)
				}
			}
		})
	}
}

func TestCanariesThatCannotExist(t *testing.T) {
	canaries := []string{"pod info.test", "podinfo/test", "ünïcode.test", "a\nb.test", strings.Repeat("x", 254)}
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			for _, canary := range canaries {
				k := gate.Key{Kind: gate.Advance, Canary: canary}
				_, err := s.IsOpen(t.Context(), k)
				for _, err := range []error{err, s.Open(t.Context(), k), s.Close(t.Context(), k)} {
					if !errors.Is(err, gate.ErrInvalidKey) {
						t.Errorf("%.20q: got %v, want ErrInvalidKey", canary, err)
					}
				}
			}
		})
	}
}

func TestMemoryIsBounded(t *testing.T) {
	m := &gate.Memory{}
	const most = 10_000
	for i := range most {
		if err := m.Open(t.Context(), gate.Key{Kind: gate.Advance, Canary: fmt.Sprintf("c%d.test", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Open(t.Context(), podinfo(gate.Advance)); !errors.Is(err, gate.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
	first := gate.Key{Kind: gate.Advance, Canary: "c0.test"}
	if err := m.Open(t.Context(), first); err != nil {
		t.Errorf("what is open needs no room: %v", err)
	}
	if err := m.Close(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if err := m.Open(t.Context(), podinfo(gate.Advance)); err != nil {
		t.Errorf("closing makes room: %v", err)
	}
}

func TestConfigMapIsBounded(t *testing.T) {
	c, name := cluster(t)
	full := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name},
		Data:       map[string]string{"others": strings.Repeat("x", corev1.MaxSecretSize-2)},
	}
	if err := c.Create(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	if err := gate.NewConfigMap(c, name).Open(t.Context(), podinfo(gate.Advance)); !errors.Is(err, gate.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
}

func TestReplicasAgree(t *testing.T) {
	c, name := cluster(t)
	one, two := gate.NewConfigMap(c, name), gate.NewConfigMap(c, name)
	var all []gate.Key
	var want []string
	for i := range 20 {
		k := gate.Key{Kind: gate.Advance, Canary: fmt.Sprintf("c%d.test", i)}
		all, want = append(all, k), append(want, k.String())
	}

	var writers sync.WaitGroup
	for i, k := range all {
		writers.Go(func() {
			if err := []gate.Store{one, two}[i%2].Open(t.Context(), k); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	for i, s := range []gate.Store{one, two} {
		if diff := cmp.Diff(want, open(t, s, all...)); diff != "" {
			t.Errorf("replica %d: writers that race to create the config map lose nothing (-want +got):\n%s", i, diff)
		}
	}

	for i, k := range all {
		writers.Go(func() {
			if err := []gate.Store{two, one}[i%2].Close(t.Context(), k); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	if left := open(t, one, all...); left != nil {
		t.Errorf("the other replica may close what one has opened; still open: %v", left)
	}
}

func TestConfigMapIsSharedWithPeople(t *testing.T) {
	c, name := cluster(t)
	byHand := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name},
		Data:       map[string]string{"gate.podinfo.test": "open\n", "rollback.podinfo.test": "no", "readme": "ours"},
	}
	if err := c.Create(t.Context(), byHand); err != nil {
		t.Fatal(err)
	}
	s := gate.NewConfigMap(c, name)
	if diff := cmp.Diff([]string{"podinfo.test"}, open(t, s, podinfo(gate.Advance), podinfo(gate.Rollback))); diff != "" {
		t.Errorf("kubectl opens a gate too, and a word that is not open closes it (-want +got):\n%s", diff)
	}
	if err := errors.Join(s.Open(t.Context(), podinfo(gate.Rollback)), s.Close(t.Context(), podinfo(gate.Advance))); err != nil {
		t.Fatal(err)
	}
	got := &corev1.ConfigMap{}
	if err := c.Get(t.Context(), name, got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"rollback.podinfo.test": "open", "readme": "ours"}, got.Data); diff != "" {
		t.Errorf("foreign entries stay (-want +got):\n%s", diff)
	}
}

func TestConfigMapWithoutRights(t *testing.T) {
	_, name := cluster(t)
	stranger := rest.CopyConfig(testkit.StartAPIServer(t))
	stranger.BearerToken = "nobody"
	c, err := client.New(stranger, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := gate.NewConfigMap(c, name)
	isOpen, err := s.IsOpen(t.Context(), podinfo(gate.Advance))
	if err == nil || isOpen {
		t.Errorf("a gate that cannot be read is not open: got %t, %v", isOpen, err)
	}
	if err := s.Open(t.Context(), podinfo(gate.Advance)); err == nil {
		t.Error("a gate that cannot be written was opened")
	}
	if err := s.Close(t.Context(), podinfo(gate.Advance)); err == nil {
		t.Error("a gate that cannot be written was closed")
	}
}
