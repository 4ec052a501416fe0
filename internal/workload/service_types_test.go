package workload

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"flagger.app/flagger/internal/kube"
)

// serviceSpecs are the Services that a user may have, one for each set of fields that the API server treats in its own way.
func serviceSpecs() map[string]corev1.ServiceSpec {
	headless, families := selecting(corev1.ServiceTypeClusterIP), selecting(corev1.ServiceTypeClusterIP)
	headless.ClusterIP = corev1.ClusterIPNone
	preferred := corev1.IPFamilyPolicyPreferDualStack
	families.IPFamilyPolicy = &preferred
	distribution := corev1.ServiceTrafficDistributionPreferClose
	families.TrafficDistribution = &distribution

	local := selecting(corev1.ServiceTypeLoadBalancer)
	local.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
	local.LoadBalancerIP = "192.0.2.1"
	local.LoadBalancerSourceRanges = []string{"192.0.2.0/24"}
	class, ports := "example.com/internal", false
	local.LoadBalancerClass, local.AllocateLoadBalancerNodePorts = &class, &ports

	node := selecting(corev1.ServiceTypeNodePort)
	seconds := int32(60)
	node.SessionAffinity = corev1.ServiceAffinityClientIP
	node.SessionAffinityConfig = &corev1.SessionAffinityConfig{ClientIP: &corev1.ClientIPConfig{TimeoutSeconds: &seconds}}

	external := selecting(corev1.ServiceTypeClusterIP)
	external.ExternalIPs = []string{"192.0.2.2"}
	external.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal

	return map[string]corev1.ServiceSpec{
		"ClusterIP":               selecting(corev1.ServiceTypeClusterIP),
		"ClusterIPOfTwoFamilies":  families,
		"ClusterIPWithExternalIP": external,
		"Headless":                headless,
		"NodePort":                selecting(corev1.ServiceTypeNodePort),
		"NodePortWithAffinity":    node,
		"LoadBalancer":            selecting(corev1.ServiceTypeLoadBalancer),
		"LoadBalancerLocal":       local,
		"ExternalName":            {Type: corev1.ServiceTypeExternalName, ExternalName: "example.com"},
	}
}

func TestServicesOfEveryTypeAreCopiedAndPromoted(t *testing.T) {
	for name, spec := range serviceSpecs() {
		t.Run(name, func(t *testing.T) {
			k := newPlainCluster(t)
			k.serves(t, spec)
			k.follows(t)
			k.promotes(t)
			k.carries(t, "podinfo-canary", "it was copied")
			k.carries(t, "podinfo-primary", "it was copied")
			k.silent(t)
			first, made := k.observe(t), k.readService(t, "podinfo-primary")
			if first.Primary != first.Target {
				t.Errorf("the primary is %+v, want what the target is, %+v", first.Primary, first.Target)
			}

			k.releases(t)
			second := k.observe(t)
			if second.Target.Revision == first.Target.Revision || second.Primary != first.Primary {
				t.Errorf("target %s after %s, primary %s: want a new revision on the target alone",
					second.Target.Revision, first.Target.Revision, second.Primary.Revision)
			}
			k.follows(t)
			k.carries(t, "podinfo-canary", "it follows the target at once")
			if kept := k.readService(t, "podinfo-primary"); kept.ResourceVersion != made.ResourceVersion {
				t.Error("the primary was written before its promotion")
			}
			k.promotes(t)
			k.carries(t, "podinfo-primary", "it was promoted")
			promoted := k.readService(t, "podinfo-primary")
			if diff := cmp.Diff(allocated(made), allocated(promoted)); diff != "" {
				t.Errorf("clients of the primary lost it (-before +after):\n%s", diff)
			}
			k.silent(t)
		})
	}
}

// common is a Service's spec without what belongs to this one Service alone.
func common(service *corev1.Service) corev1.ServiceSpec {
	spec := *service.Spec.DeepCopy()
	if spec.ClusterIP != corev1.ClusterIPNone {
		spec.ClusterIP = ""
	}
	spec.ClusterIPs, spec.ExternalIPs, spec.LoadBalancerIP, spec.HealthCheckNodePort = nil, nil, "", 0
	for i := range spec.Ports {
		spec.Ports[i].NodePort = 0
	}
	if spec.Type == corev1.ServiceTypeClusterIP {
		spec.ExternalTrafficPolicy = "" // goes with the external addresses
	}
	return spec
}

// carries says whether the Service of that name says what the target does.
func (k plainCluster) carries(t *testing.T, name, reason string) {
	t.Helper()
	target, copied := k.readService(t, "podinfo"), k.readService(t, name)
	want, got := common(target), common(copied)
	if want.LoadBalancerClass == nil {
		got.LoadBalancerClass = nil // it may have had one before, and cannot lose that
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s (-target +copy):\n%s", name, reason, diff)
	}
	if !kube.IsOwned(k.canary, copied) {
		t.Errorf("%s: owners %v, %s", name, copied.OwnerReferences, reason)
	}
}

// allocated is where clients find the Service.
func allocated(service *corev1.Service) map[string]any {
	found := map[string]any{"addresses": service.Spec.ClusterIPs, "health": service.Spec.HealthCheckNodePort}
	for _, port := range service.Spec.Ports {
		if port.Name == "http" {
			found["node port"] = port.NodePort
		}
	}
	return found
}

func TestServicesChangeTheirType(t *testing.T) {
	specs := serviceSpecs()
	types := []string{"ClusterIP", "Headless", "NodePort", "LoadBalancer", "LoadBalancerLocal", "ExternalName"}
	for _, before := range types {
		for _, after := range types {
			if before == after {
				continue
			}
			t.Run(before+"To"+after, func(t *testing.T) {
				k := newPlainCluster(t)
				k.serves(t, specs[before])
				k.follows(t)
				k.promotes(t)
				k.remove(t, "podinfo")
				k.serves(t, specs[after])
				if isFinal(specs[before], specs[after]) {
					k.needsNewCopies(t)
				}
				k.follows(t)
				k.promotes(t)
				k.carries(t, "podinfo-canary", "it follows the target")
				k.carries(t, "podinfo-primary", "it was promoted")
				k.silent(t)
			})
		}
	}
}

func TestATypeIsChangedInPlace(t *testing.T) {
	k := newPlainCluster(t)
	for _, kind := range []string{"ClusterIP", "ExternalName", "NodePort", "ClusterIPWithExternalIP", "LoadBalancer", "ClusterIP"} {
		k.serves(t, serviceSpecs()[kind])
		k.follows(t)
		k.promotes(t)
		k.carries(t, "podinfo-canary", "the target became a "+kind)
		k.carries(t, "podinfo-primary", "the target became a "+kind)
		k.silent(t)
	}
}

// isFinal says whether the API server does not allow the change: between a Service with an address and one without, and
// to another class of load balancers.
func isFinal(before, after corev1.ServiceSpec) bool {
	switch {
	case before.Type == corev1.ServiceTypeExternalName || after.Type == corev1.ServiceTypeExternalName:
		return false
	case before.ClusterIP != after.ClusterIP:
		return true
	}
	return before.Type == after.Type && after.LoadBalancerClass != nil
}

// needsNewCopies follows a user who made the target again to change what is final, and must take the copies away too.
func (k plainCluster) needsNewCopies(t *testing.T) {
	t.Helper()
	before := k.stored(t)
	ensured, promoted := k.plain.Ensure(t.Context(), k.canary), k.promote(t)
	if !errors.Is(ensured, ErrInvalidTarget) || !errors.Is(promoted, ErrInvalidTarget) {
		t.Errorf("errors %v and %v, want ErrInvalidTarget", ensured, promoted)
	}
	if pair := k.observe(t); pair.Primary.Revision == pair.Target.Revision {
		t.Error("the primary passes for a copy")
	}
	if diff := cmp.Diff(before, k.stored(t)); diff != "" {
		t.Errorf("something was written (-before +after):\n%s", diff)
	}
	k.remove(t, "podinfo-canary", "podinfo-primary")
}
