package workload

import (
	"errors"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
)

// plainCluster is a namespace of a real API server, with a canary of the Service podinfo.
type plainCluster struct {
	cluster
	plain  *PlainService
	canary *v1beta1.Canary
	// cached and live are what plain works with.
	cached, live *recorder
}

func newPlainCluster(t *testing.T) plainCluster {
	t.Helper()
	k := newCluster(t)
	c := k.canary()
	c.Spec.TargetRef = v1beta1.LocalObjectReference{APIVersion: "v1", Kind: "Service", Name: "podinfo"}
	cached, live := &recorder{Client: k.Client}, &recorder{Client: k.Client}
	plain := NewPlainService(Options{Client: cached, Live: live})
	return plainCluster{cluster: k, plain: plain, canary: c, cached: cached, live: live}
}

// serves makes podinfo a Service of that spec.
func (k plainCluster) serves(t *testing.T, spec corev1.ServiceSpec) {
	t.Helper()
	target := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "podinfo", Namespace: k.namespace}}
	err := k.Get(t.Context(), client.ObjectKeyFromObject(target), target)
	target.Spec = *spec.DeepCopy()
	switch {
	case apierrors.IsNotFound(err):
		err = k.Create(t.Context(), target)
	case err == nil:
		err = k.Update(t.Context(), target)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (k plainCluster) remove(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: k.namespace}}
		if err := k.Delete(t.Context(), service); err != nil {
			t.Fatal(err)
		}
	}
}

func (k plainCluster) observe(t *testing.T) Pair {
	t.Helper()
	pair, err := k.plain.Observe(t.Context(), k.canary, rollout.Plan{})
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// follows brings the canary's Service to the target.
func (k plainCluster) follows(t *testing.T) {
	t.Helper()
	if err := k.plain.Ensure(t.Context(), k.canary); err != nil {
		t.Fatal(err)
	}
}

// promotes copies the target's present revision to the primary.
func (k plainCluster) promotes(t *testing.T) {
	t.Helper()
	if err := k.promote(t); err != nil {
		t.Fatal(err)
	}
}

func (k plainCluster) promote(t *testing.T) error {
	t.Helper()
	return k.plain.SyncPrimary(t.Context(), k.canary, rollout.Version{Revision: k.observe(t).Target.Revision})
}

// stored are the resource versions of all Services.
func (k plainCluster) stored(t *testing.T) map[string]string {
	t.Helper()
	list := &corev1.ServiceList{}
	if err := k.List(t.Context(), list, client.InNamespace(k.namespace)); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for i := range list.Items {
		found[list.Items[i].Name] = list.Items[i].ResourceVersion
	}
	return found
}

// silent fails where a repetition of everything does more than read, or reads live what caches can tell.
func (k plainCluster) silent(t *testing.T) {
	t.Helper()
	version := rollout.Version{Revision: k.observe(t).Target.Revision}
	k.cached.calls, k.live.calls = nil, nil
	k.follows(t)
	if err := k.plain.SyncPrimary(t.Context(), k.canary, version); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"get podinfo", "get podinfo-canary"}, k.cached.took()); diff != "" {
		t.Errorf("a second call did more than look at caches (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"get podinfo", "get podinfo-primary"}, k.live.took()); diff != "" {
		t.Errorf("a second call did more than look at what it was to copy (-want +got):\n%s", diff)
	}
}

func onPort(number int32) []corev1.ServicePort {
	return []corev1.ServicePort{{Name: "http", Protocol: "TCP", Port: number, TargetPort: intstr.FromInt32(9898)}}
}

func selecting(kind corev1.ServiceType) corev1.ServiceSpec {
	return corev1.ServiceSpec{Type: kind, Selector: map[string]string{"app": "podinfo"}, Ports: onPort(80)}
}

// releases makes a user's next version of the target, with all that was allocated for it.
func (k plainCluster) releases(t *testing.T) {
	t.Helper()
	target := k.readService(t, "podinfo")
	if target.Spec.Type == corev1.ServiceTypeExternalName {
		target.Spec.ExternalName = "v2.example.com"
	} else {
		more := onPort(81)
		more[0].Name = "more"
		target.Spec.Selector = map[string]string{"app": "podinfo", "version": "v2"}
		target.Spec.Ports = append(more, target.Spec.Ports...)
	}
	if err := k.Update(t.Context(), target); err != nil {
		t.Fatal(err)
	}
}

func TestAServiceIsReleased(t *testing.T) {
	k := newPlainCluster(t)
	k.serves(t, selecting(corev1.ServiceTypeClusterIP))
	before := k.observe(t)
	standing := rollout.Workload{Exists: true, Revision: before.Target.Revision, Readiness: rollout.Ready, Replicas: 1, Available: 1}
	if diff := cmp.Diff(Pair{Target: standing}, before); diff != "" {
		t.Errorf("before there is a primary (-want +got):\n%s", diff)
	}
	k.follows(t)
	k.promotes(t)
	apex := k.readService(t, "podinfo")

	k.releases(t)
	users := k.readService(t, "podinfo")
	for _, to := range []rollout.Direction{rollout.Down, rollout.Up} {
		if err := k.plain.Scale(t.Context(), k.canary, to); err != nil {
			t.Fatal(err)
		}
	}
	if got := k.readService(t, "podinfo-primary").Spec.Selector; !maps.Equal(got, apex.Spec.Selector) {
		t.Errorf("the primary selects %v before its promotion, want %v", got, apex.Spec.Selector)
	}
	k.follows(t)
	k.promotes(t)
	for _, name := range []string{"podinfo-canary", "podinfo-primary"} {
		if got := k.readService(t, name).Spec.Selector; !maps.Equal(got, users.Spec.Selector) {
			t.Errorf("%s selects %v, want what the target selects, %v", name, got, users.Spec.Selector)
		}
	}
	if err := errors.Join(k.plain.EnsureApex(t.Context(), k.canary), k.plain.Release(t.Context(), k.canary)); err != nil {
		t.Fatal(err)
	}
	if got := k.readService(t, "podinfo"); got.ResourceVersion != users.ResourceVersion {
		t.Error("the target was written; it is the user's")
	}
	k.silent(t)
}

func TestTheCanarySaysHowTrafficIsDistributed(t *testing.T) {
	k := newPlainCluster(t)
	k.serves(t, selecting(corev1.ServiceTypeClusterIP))
	before := k.observe(t).Target
	k.canary.Spec.Service.TrafficDistribution = corev1.ServiceTrafficDistributionPreferSameNode
	k.follows(t)
	k.promotes(t)
	for _, name := range []string{"podinfo-canary", "podinfo-primary"} {
		if got := k.readService(t, name).Spec.TrafficDistribution; got == nil || *got != corev1.ServiceTrafficDistributionPreferSameNode {
			t.Errorf("%s distributes %v", name, got)
		}
	}
	if k.observe(t).Target != before {
		t.Error("an edit of the canary is no revision of its target")
	}
	k.silent(t)
}

func TestDriftOfTheCanaryServiceIsRepaired(t *testing.T) {
	k := newPlainCluster(t)
	k.serves(t, selecting(corev1.ServiceTypeNodePort))
	k.follows(t)
	edited := k.readService(t, "podinfo-canary")
	edited.Spec.Selector["stray"] = "key"
	edited.Labels = map[string]string{"stray": "label"}
	edited.Finalizers = []string{"example.com/cloud"}
	if err := k.Update(t.Context(), edited); err != nil {
		t.Fatal(err)
	}
	k.follows(t)
	k.carries(t, "podinfo-canary", "it was edited")
	got := k.readService(t, "podinfo-canary")
	if len(got.Labels) > 0 || len(got.Finalizers) != 1 {
		t.Errorf("labels %v and finalizers %v: want those of the target and those of others", got.Labels, got.Finalizers)
	}
	got.Finalizers = nil
	if err := k.Update(t.Context(), got); err != nil {
		t.Fatal(err)
	}
}

func TestFlaggersPrimaryIsTakenAsItIs(t *testing.T) {
	k := newPlainCluster(t)
	k.serves(t, selecting(corev1.ServiceTypeClusterIP))
	k.follows(t)
	k.promotes(t)
	primary := k.readService(t, "podinfo-primary")
	delete(primary.Annotations, revisionAnnotation)
	if err := k.Update(t.Context(), primary); err != nil {
		t.Fatal(err)
	}
	if pair := k.observe(t); pair.Primary != pair.Target {
		t.Errorf("the primary is %+v, want what the target is, %+v", pair.Primary, pair.Target)
	}
	k.promotes(t)
	if got := k.readService(t, "podinfo-primary"); got.ResourceVersion != primary.ResourceVersion {
		t.Error("the primary was written for nothing")
	}

	k.releases(t)
	if pair := k.observe(t); !pair.Primary.Exists || pair.Primary.Revision != "" {
		t.Errorf("the primary is %+v, and nobody can tell its revision", pair.Primary)
	}
	k.follows(t)
	k.promotes(t)
	k.carries(t, "podinfo-primary", "it was promoted")
	k.silent(t)
}

func TestServicesOfOthersAreNotTakenForCopies(t *testing.T) {
	for name, call := range map[string]func(*testing.T, plainCluster) error{
		"podinfo-primary": func(t *testing.T, k plainCluster) error { return k.promote(t) },
		"podinfo-canary":  func(t *testing.T, k plainCluster) error { return k.plain.Ensure(t.Context(), k.canary) },
	} {
		for _, owner := range []string{"", "other"} {
			t.Run(name+"Of"+owner, func(t *testing.T) {
				k := newPlainCluster(t)
				k.serves(t, selecting(corev1.ServiceTypeClusterIP))
				theirs := &corev1.Service{Spec: selecting(corev1.ServiceTypeClusterIP)}
				theirs.Name, theirs.Namespace = name, k.namespace
				if owner != "" {
					other := k.canary.DeepCopy()
					other.Name, other.UID = owner, "another-uid"
					theirs.OwnerReferences = []metav1.OwnerReference{kube.OwnerReference(other)}
				}
				k.create(t, theirs)
				if err := call(t, k); !errors.Is(err, ErrForeign) {
					t.Errorf("error %v, want ErrForeign", err)
				}
				if got := k.readService(t, name); got.ResourceVersion != theirs.ResourceVersion {
					t.Error("somebody else's Service was written")
				}
				if pair := k.observe(t); pair.Primary.Exists {
					t.Error("somebody else's Service passes for the primary")
				}
			})
		}
	}
}

func TestAServiceThatIsNotThere(t *testing.T) {
	k := newPlainCluster(t)
	_, observed := k.plain.Observe(t.Context(), k.canary, rollout.Plan{})
	for call, err := range map[string]error{
		"Observe":     observed,
		"SyncPrimary": k.plain.SyncPrimary(t.Context(), k.canary, rollout.Version{Revision: "h1:1"}),
		"Ensure":      k.plain.Ensure(t.Context(), k.canary),
	} {
		if !errors.Is(err, ErrTargetNotFound) || !apierrors.IsNotFound(err) {
			t.Errorf("%s: error %v, want ErrTargetNotFound", call, err)
		}
	}
	if err := k.plain.Release(t.Context(), k.canary); err != nil {
		t.Errorf("a missing Service holds up the deletion of its canary: %v", err)
	}
}
