package workload

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/rollout"
)

func TestAServiceThatCannotBeRead(t *testing.T) {
	for _, name := range []string{"podinfo", "podinfo-primary", "podinfo-canary"} {
		t.Run(name, func(t *testing.T) {
			k := newPlainCluster(t)
			k.serves(t, selecting(corev1.ServiceTypeClusterIP))
			version := rollout.Version{Revision: k.observe(t).Target.Revision}
			reader := unreadable{Reader: k.Client, name: name}
			k.plain.options.Client, k.plain.options.Live = readingThrough{k.Client, reader}, reader
			_, observed := k.plain.Observe(t.Context(), k.canary, rollout.Plan{})
			err := errors.Join(observed, k.plain.SyncPrimary(t.Context(), k.canary, version), k.plain.Ensure(t.Context(), k.canary))
			if !errors.Is(err, errUnreadable) || errors.Is(err, ErrTargetNotFound) || errors.Is(err, ErrForeign) {
				t.Errorf("error %v, want what kept it from being read and nothing else", err)
			}
		})
	}
}

// late is a cache that has not seen the objects of one name yet.
type late struct {
	client.Reader
	name string
}

func (l late) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if key.Name == l.name {
		return apierrors.NewNotFound(corev1.Resource("services"), key.Name)
	}
	return l.Reader.Get(ctx, key, object, options...)
}

func TestACacheThatIsLate(t *testing.T) {
	k := newPlainCluster(t)
	k.serves(t, selecting(corev1.ServiceTypeClusterIP))
	k.follows(t)
	before := k.stored(t)
	k.cached.Client = readingThrough{k.Client, late{k.Client, "podinfo-canary"}}
	k.cached.calls = nil
	k.follows(t)
	if diff := cmp.Diff([]string{"get podinfo", "get podinfo-canary"}, k.cached.took()); diff != "" {
		t.Errorf("a Service that is there was made again (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, k.stored(t)); diff != "" {
		t.Errorf("something was written (-before +after):\n%s", diff)
	}
}

func TestOnlyTheAnalysedServiceIsPromoted(t *testing.T) {
	k := newPlainCluster(t)
	k.serves(t, selecting(corev1.ServiceTypeClusterIP))
	k.promotes(t)
	before := k.readService(t, "podinfo-primary")
	k.releases(t)
	analysed := rollout.Version{Revision: k.observe(t).Target.Revision}

	// Somebody writes the primary while it is being promoted, and the target as well: the second attempt must see both.
	k.plain.options.Live = &interrupted{Reader: k.Client, name: "podinfo-primary", act: func() {
		other := k.readService(t, "podinfo-primary")
		other.Labels = map[string]string{"somebody": "else"}
		target := k.readService(t, "podinfo")
		target.Spec.Selector = map[string]string{"app": "unseen"}
		if err := errors.Join(k.Update(t.Context(), other), k.Update(t.Context(), target)); err != nil {
			t.Error(err)
		}
	}}
	if err := k.plain.SyncPrimary(t.Context(), k.canary, analysed); !errors.Is(err, ErrVersionChanged) {
		t.Errorf("error %v, want ErrVersionChanged", err)
	}
	if got := k.readService(t, "podinfo-primary"); !maps.Equal(got.Spec.Selector, before.Spec.Selector) {
		t.Errorf("the primary selects %v, which was not analysed", got.Spec.Selector)
	}
}

func TestAWriteThatMeetsAnothers(t *testing.T) {
	k := newPlainCluster(t)
	k.serves(t, selecting(corev1.ServiceTypeClusterIP))
	k.follows(t)
	k.promotes(t)
	k.releases(t)
	label := func(name string) func() {
		return func() {
			other := k.readService(t, name)
			other.Labels = map[string]string{"somebody": "else"}
			if err := k.Update(t.Context(), other); err != nil {
				t.Error(err)
			}
		}
	}
	k.plain.options.Live = &interrupted{Reader: k.Client, name: "podinfo-primary", act: label("podinfo-primary")}
	k.promotes(t)
	k.carries(t, "podinfo-primary", "the write was repeated")
	if got := k.readService(t, "podinfo-primary").Labels["somebody"]; got != "else" {
		t.Error("the other's write is lost")
	}
	k.plain.options.Live = &interrupted{Reader: k.Client, name: "podinfo-canary", act: label("podinfo-canary")}
	if err := k.plain.Ensure(t.Context(), k.canary); !apierrors.IsConflict(err) {
		t.Errorf("error %v, want a conflict: the next reconcile sees more", err)
	}
}

func TestARejectedServiceIsTheTargets(t *testing.T) {
	k := newPlainCluster(t)
	spec := serviceSpecs()["LoadBalancerLocal"]
	k.serves(t, spec)
	k.follows(t)
	k.promotes(t)
	class := "example.com/public"
	spec.LoadBalancerClass = &class
	k.remove(t, "podinfo")
	k.serves(t, spec)
	if err := errors.Join(k.plain.Ensure(t.Context(), k.canary), k.promote(t)); !errors.Is(err, ErrInvalidTarget) {
		t.Errorf("error %v, want ErrInvalidTarget: the class of a load balancer cannot change", err)
	}
}

func TestAServiceWithoutASelectorIsRefused(t *testing.T) {
	for name, clusterIP := range map[string]string{"ClusterIP": "", "Headless": corev1.ClusterIPNone} {
		t.Run(name, func(t *testing.T) {
			k := newPlainCluster(t)
			k.serves(t, corev1.ServiceSpec{ClusterIP: clusterIP, Ports: onPort(80)})
			for _, err := range []error{k.plain.Ensure(t.Context(), k.canary), k.promote(t)} {
				if !errors.Is(err, ErrInvalidTarget) {
					t.Errorf("error %v, want ErrInvalidTarget: a copy would lead nowhere", err)
				}
			}
			if got := k.stored(t); len(got) != 1 {
				t.Errorf("Services %v, want the target alone", got)
			}
		})
	}
}

// ahead is an API server of a later version, whose Services have a field that our types have not. It answers untyped
// reads with it, and takes note of what it is sent.
type ahead struct {
	client.Client
	sent map[string]any
}

func (a *ahead) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	err := a.Client.Get(ctx, key, object, options...)
	if tree, ok := object.(*unstructured.Unstructured); ok && err == nil && key.Name == "podinfo" {
		specOf(tree)["fieldOfTheFuture"] = "kept"
	}
	return err
}

func (a *ahead) Create(ctx context.Context, object client.Object, options ...client.CreateOption) error {
	a.sent[object.GetName()] = specOf(object.(*unstructured.Unstructured))["fieldOfTheFuture"]
	return a.Client.Create(ctx, object, options...)
}

func (a *ahead) Update(ctx context.Context, object client.Object, options ...client.UpdateOption) error {
	a.sent[object.GetName()] = specOf(object.(*unstructured.Unstructured))["fieldOfTheFuture"]
	return a.Client.Update(ctx, object, options...)
}

func TestFieldsOfLaterVersionsAreCopied(t *testing.T) {
	k := newPlainCluster(t)
	k.serves(t, selecting(corev1.ServiceTypeClusterIP))
	later := &ahead{Client: k.Client}
	k.plain.options.Client, k.plain.options.Live = later, later
	copies := func(how string) {
		later.sent = map[string]any{}
		k.follows(t)
		k.promotes(t)
		want := map[string]any{"podinfo-canary": "kept", "podinfo-primary": "kept"}
		if diff := cmp.Diff(want, later.sent); diff != "" {
			t.Errorf("the field where a Service is %s (-want +got):\n%s", how, diff)
		}
	}
	copies("created")
	k.releases(t)
	copies("updated")
}
