package workload

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
)

// shape is what the contract says of a Service.
type shape struct {
	Labels, Annotations, Selector map[string]string
	Ports                         []corev1.ServicePort
	Headless                      bool
	Distribution                  string
}

func shapeOf(s *corev1.Service) shape {
	found := shape{
		Labels: s.Labels, Annotations: s.Annotations, Selector: s.Spec.Selector, Ports: s.Spec.Ports,
		Headless: s.Spec.ClusterIP == corev1.ClusterIPNone,
	}
	if s.Spec.TrafficDistribution != nil {
		found.Distribution = *s.Spec.TrafficDistribution
	}
	return found
}

func webPort() []corev1.ServicePort {
	return []corev1.ServicePort{{Name: "http", Protocol: "TCP", Port: 80, TargetPort: intstr.FromString("web")}}
}

// ensures makes all three Services.
func (c cluster) ensures(t *testing.T, canary *v1beta1.Canary) {
	t.Helper()
	if err := c.services.Ensure(t.Context(), canary); err != nil {
		t.Fatal(err)
	}
	if err := c.services.EnsureApex(t.Context(), canary); err != nil {
		t.Fatal(err)
	}
}

func TestServicesOfACanary(t *testing.T) {
	k := newCluster(t)
	k.create(t, k.target())
	c := k.canary()
	c.Spec.Service = v1beta1.CanaryService{
		Name: "shop", Port: 80, TargetPort: intstr.FromString("web"), Headless: true,
		Apex:    &v1beta1.CustomMetadata{Labels: map[string]string{"team": "x", "app": "overridden"}},
		Primary: &v1beta1.CustomMetadata{Annotations: map[string]string{"note": "primary"}},
		Canary:  &v1beta1.CustomMetadata{},
	}
	given := c.DeepCopy()
	k.ensures(t, c)
	if diff := cmp.Diff(given, c); diff != "" {
		t.Errorf("the canary itself was changed (-before +after):\n%s", diff)
	}
	want := map[string]shape{
		"shop": {
			Labels:      map[string]string{"team": "x", "app": "shop"},
			Annotations: kube.Guarded(nil), Selector: map[string]string{"app": "podinfo-primary"}, Ports: webPort(), Headless: true,
		},
		"shop-primary": {
			Labels:      map[string]string{"app": "shop-primary"},
			Annotations: kube.Guarded(map[string]string{"note": "primary"}),
			Selector:    map[string]string{"app": "podinfo-primary"}, Ports: webPort(), Headless: true,
		},
		"shop-canary": {
			Labels:      map[string]string{"app": "shop-canary"},
			Annotations: kube.Guarded(nil), Selector: map[string]string{"app": "podinfo"}, Ports: webPort(), Headless: true,
		},
	}
	got := map[string]shape{}
	for name := range want {
		service := k.readService(t, name)
		got[name] = shapeOf(service)
		if !kube.IsOwned(c, service) {
			t.Errorf("%s has owners %v", name, service.OwnerReferences)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Services (-want +got):\n%s", diff)
	}
	before := k.versions(t)
	k.ensures(t, c)
	if diff := cmp.Diff(before, k.versions(t)); diff != "" {
		t.Errorf("a second call wrote (-before +after):\n%s", diff)
	}
}

func TestOwnServicesFollowTheSpec(t *testing.T) {
	k := newCluster(t)
	k.create(t, k.target())
	c := k.canary()
	c.Spec.Service.TargetPort = intstr.FromString("web")
	c.Spec.Service.Apex = &v1beta1.CustomMetadata{Labels: map[string]string{"team": "x", "cost": "1"}}
	k.ensures(t, c)

	edited := k.readService(t, "podinfo")
	edited.Spec.Type = corev1.ServiceTypeNodePort
	edited.Spec.SessionAffinity = corev1.ServiceAffinityClientIP
	edited.Spec.Selector["extra"] = "key"
	edited.Spec.Ports = append(edited.Spec.Ports, corev1.ServicePort{Name: "extra", Port: 81, TargetPort: intstr.FromInt32(81)})
	edited.Labels["team"], edited.Labels["cost"], edited.Labels["stray"] = "edited", "2", "label"
	edited.Annotations["cloud"], edited.Annotations["stray"] = "kept", "annotation"
	if err := k.Update(t.Context(), edited); err != nil {
		t.Fatal(err)
	}
	c.Spec.Service.TrafficDistribution = corev1.ServiceTrafficDistributionPreferSameZone
	c.Spec.Service.AppProtocol = "grpc"
	c.Spec.Service.UnmanagedMetadata = &v1beta1.UnmanagedMetadata{
		Annotations: []string{"cloud", "absent"}, Labels: []string{"cost"},
	}
	k.ensures(t, c)

	got := k.readService(t, "podinfo")
	ports := webPort()
	protocol := "grpc"
	ports[0].AppProtocol = &protocol
	ports[0].NodePort = edited.Spec.Ports[0].NodePort
	want := shape{
		Labels:      map[string]string{"team": "x", "cost": "2", "app": "podinfo"},
		Annotations: kube.Guarded(map[string]string{"cloud": "kept"}),
		Selector:    map[string]string{"app": "podinfo-primary"}, Ports: ports, Distribution: "PreferSameZone",
	}
	if diff := cmp.Diff(want, shapeOf(got)); diff != "" {
		t.Errorf("our Service after a user's edit (-want +got):\n%s", diff)
	}
	if got.Spec.Type != corev1.ServiceTypeNodePort || got.Spec.SessionAffinity != corev1.ServiceAffinityClientIP {
		t.Errorf("type %s and affinity %s were reset; they are the user's to choose", got.Spec.Type, got.Spec.SessionAffinity)
	}
	before := k.versions(t)
	k.ensures(t, c)
	if diff := cmp.Diff(before, k.versions(t)); diff != "" {
		t.Errorf("a second call wrote (-before +after):\n%s", diff)
	}
}

// users is an apex Service that was there before the canary.
func (c cluster) users() *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Name: "podinfo", Namespace: c.namespace,
			Labels: map[string]string{"mine": "label"}, Annotations: map[string]string{"mine": "annotation"},
		},
		Spec: corev1.ServiceSpec{
			Type:           corev1.ServiceTypeLoadBalancer,
			LoadBalancerIP: "192.0.2.1",
			Selector:       map[string]string{"app": "podinfo", "tier": "web"},
			Ports: []corev1.ServicePort{
				{Name: "http", Protocol: "TCP", Port: 80, TargetPort: intstr.FromInt32(9898)},
				{Name: "more", Protocol: "TCP", Port: 81, TargetPort: intstr.FromInt32(81)},
			},
		},
	}
}

func TestAdoptingAUsersService(t *testing.T) {
	k := newCluster(t)
	users := k.users()
	k.create(t, k.target(), users)
	c := k.canary()
	c.Spec.Service.TargetPort = intstr.FromString("web")
	c.Spec.Service.TrafficDistribution = corev1.ServiceTrafficDistributionPreferClose
	c.Spec.Service.Apex = &v1beta1.CustomMetadata{Labels: map[string]string{"team": "x"}}
	if err := k.services.EnsureApex(t.Context(), c); err != nil {
		t.Fatal(err)
	}

	want := users.DeepCopy()
	want.Spec.Selector = map[string]string{"app": "podinfo-primary"}
	want.Spec.Ports = webPort()
	want.Spec.Ports[0].NodePort = users.Spec.Ports[0].NodePort
	want.Annotations = kube.Guarded(users.Annotations)
	got := k.readService(t, "podinfo")
	if got.Spec.Ports[0].NodePort == 0 {
		t.Error("the node port is gone, and with it the load balancer's way in")
	}
	adopted := got.DeepCopy()
	for _, object := range []*corev1.Service{want, adopted} {
		object.ResourceVersion, object.Generation, object.ManagedFields = "", 0, nil
	}
	if diff := cmp.Diff(want, adopted); diff != "" {
		t.Errorf("more changed than selector, ports and guards (-want +got):\n%s", diff)
	}
	if err := k.services.EnsureApex(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if again := k.readService(t, "podinfo"); again.ResourceVersion != got.ResourceVersion {
		t.Error("a second call wrote the Service")
	}
}

func TestAUsersServiceThatIsRightAlreadyIsNotTouched(t *testing.T) {
	k := newCluster(t)
	users := k.users()
	users.Spec.Selector = map[string]string{"app": "podinfo-primary"}
	users.Spec.Ports = webPort()
	k.create(t, k.target(), users)
	c := k.canary()
	c.Spec.Service.TargetPort = intstr.FromString("web")
	if err := k.services.EnsureApex(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got := k.readService(t, "podinfo"); got.ResourceVersion != users.ResourceVersion {
		t.Error("the Service was written, for the guards alone")
	}
}

func TestServicesOfOthersAreLeftAlone(t *testing.T) {
	cases := map[string]struct {
		reason string
		name   string
		owner  string // of kind Canary; empty for none
	}{
		"Primary":         {reason: "A user's Service happens to have the primary's name.", name: "podinfo-primary"},
		"Canary":          {reason: "A user's Service happens to have the canary's name.", name: "podinfo-canary"},
		"AnothersPrimary": {reason: "Another canary has a Service of that name.", name: "podinfo-primary", owner: "other"},
		"AnothersApex":    {reason: "Two canaries would fight over the Service that users call.", name: "podinfo", owner: "other"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			k := newCluster(t)
			service := k.users()
			service.Name = tc.name
			if tc.owner != "" {
				other := k.canary()
				other.Name, other.UID = tc.owner, "another-uid"
				service.OwnerReferences = []metav1.OwnerReference{kube.OwnerReference(other)}
			}
			k.create(t, k.target(), service)
			err := errors.Join(k.services.Ensure(t.Context(), k.canary()), k.services.EnsureApex(t.Context(), k.canary()))
			if !errors.Is(err, ErrForeign) {
				t.Errorf("error %v, want ErrForeign; %s", err, tc.reason)
			}
			if got := k.readService(t, tc.name); got.ResourceVersion != service.ResourceVersion {
				t.Errorf("the Service was written; %s", tc.reason)
			}
		})
	}
}

func TestServicesNeedATarget(t *testing.T) {
	k := newCluster(t)
	if err := k.services.Ensure(t.Context(), k.canary()); !errors.Is(err, ErrTargetNotFound) {
		t.Errorf("error %v, want ErrTargetNotFound", err)
	}
	target := k.target()
	target.Spec.Selector.MatchLabels = map[string]string{"tier": "web"}
	target.Spec.Template.Labels = map[string]string{"tier": "web"}
	k.create(t, target)
	if err := k.services.EnsureApex(t.Context(), k.canary()); !errors.Is(err, ErrInvalidTarget) {
		t.Errorf("error %v, want ErrInvalidTarget", err)
	}
}

func TestAWriteOnAnOldCopyIsRefused(t *testing.T) {
	k := newCluster(t)
	k.create(t, k.target(), k.users())
	// The first read of that name is the target's, which is let pass; the second is the Service's.
	k.services.options.Client = readingThrough{k.Client, &interrupted{Reader: k.Client, name: "podinfo", after: 2, act: func() {
		other := k.readService(t, "podinfo")
		other.Labels["somebody"] = "else"
		if err := k.Update(t.Context(), other); err != nil {
			t.Error(err)
		}
	}}}
	if err := k.services.EnsureApex(t.Context(), k.canary()); !apierrors.IsConflict(err) {
		t.Errorf("error %v, want a conflict: the patch was computed from an old copy", err)
	}
}

func TestReleasingAUsersService(t *testing.T) {
	const manifest = `{"apiVersion":"v1","kind":"Service","spec":{"selector":{"app":"podinfo","tier":"web"}}}`
	cases := map[string]struct {
		reason   string
		change   func(*corev1.Service)
		orphaned bool // the target is gone
		adopted  bool
		want     map[string]string
	}{
		"AsApplied": {
			reason:  "kubectl noted what the user wants.",
			change:  func(s *corev1.Service) { s.Annotations[lastAppliedAnnotation] = manifest },
			adopted: true,
			want:    map[string]string{"app": "podinfo", "tier": "web"},
		},
		"AsAppliedWithoutATarget": {
			reason:   "The note is enough.",
			change:   func(s *corev1.Service) { s.Annotations[lastAppliedAnnotation] = manifest },
			orphaned: true, adopted: true,
			want: map[string]string{"app": "podinfo", "tier": "web"},
		},
		"NothingNoted": {
			reason:  "The target's label is the best that is known.",
			change:  func(*corev1.Service) {},
			adopted: true,
			want:    map[string]string{"app": "podinfo"},
		},
		"NothingNotedAndNoTarget": {
			reason:   "There is nothing to go back to, which must not keep the canary from going.",
			change:   func(*corev1.Service) {},
			orphaned: true, adopted: true,
			want: map[string]string{"app": "podinfo-primary"},
		},
		"NeverAdopted": {
			reason: "What we never changed is not ours to give back.",
			change: func(*corev1.Service) {},
			want:   map[string]string{"app": "podinfo", "tier": "web"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			k := newCluster(t)
			target, users := k.target(), k.users()
			tc.change(users)
			k.create(t, target, users)
			if tc.adopted {
				if err := k.services.EnsureApex(t.Context(), k.canary()); err != nil {
					t.Fatal(err)
				}
			}
			if tc.orphaned {
				if err := k.Delete(t.Context(), target, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
					t.Fatal(err)
				}
			}
			var first string
			for call := range 2 {
				if err := k.services.Release(t.Context(), k.canary()); err != nil {
					t.Fatal(err)
				}
				got := k.readService(t, "podinfo")
				if diff := cmp.Diff(tc.want, got.Spec.Selector); diff != "" {
					t.Errorf("%s Selector (-want +got):\n%s", tc.reason, diff)
				}
				if call == 0 {
					first = got.ResourceVersion
				} else if got.ResourceVersion != first {
					t.Error("a second call wrote the Service")
				}
			}
		})
	}
}

func TestReleasingWhatNeedsNone(t *testing.T) {
	k := newCluster(t)
	k.create(t, k.target())
	c := k.canary()
	if err := k.services.Release(t.Context(), c); err != nil {
		t.Errorf("a missing Service: %v; it would hold up the deletion for ever", err)
	}
	k.ensures(t, c)
	before := k.readService(t, "podinfo")
	if err := k.services.Release(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if after := k.readService(t, "podinfo"); after.ResourceVersion != before.ResourceVersion {
		t.Error("our own Service was written; it goes with the canary")
	}
}

func TestReleasingAnUnreadableNote(t *testing.T) {
	k := newCluster(t)
	users := k.users()
	users.Annotations[lastAppliedAnnotation] = "{"
	k.create(t, k.target(), users)
	err := k.services.Release(t.Context(), k.canary())
	if err == nil {
		t.Fatal("a note that is no manifest was taken for one")
	}
	want := "router podinfo." + k.namespace + " failed to unMarshal annotation " + lastAppliedAnnotation
	if got := err.Error(); len(got) < len(want) || got[:len(want)] != want {
		t.Errorf("text %q, want it to begin with %q", got, want)
	}
}
