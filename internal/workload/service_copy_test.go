package workload

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"flagger.app/flagger/api/v1beta1"
)

// ordinary is what the API server makes of a Service with one port.
const ordinary = `
type: ClusterIP
clusterIP: 10.96.0.7
clusterIPs: [10.96.0.7]
internalTrafficPolicy: Cluster
ipFamilies: [IPv4]
ipFamilyPolicy: SingleStack
ports: [{name: http, protocol: TCP, port: 80, targetPort: 9898}]
selector: {app: podinfo}
sessionAffinity: None
`

const balanced = `
type: LoadBalancer
allocateLoadBalancerNodePorts: true
clusterIP: 10.96.0.8
clusterIPs: [10.96.0.8]
externalTrafficPolicy: Local
healthCheckNodePort: 31000
internalTrafficPolicy: Cluster
ipFamilies: [IPv4]
ipFamilyPolicy: SingleStack
loadBalancerClass: example.com/internal
loadBalancerSourceRanges: [192.0.2.0/24]
ports: [{name: http, protocol: TCP, port: 80, targetPort: web, nodePort: 30080}]
selector: {app: podinfo}
sessionAffinity: None
`

const alias = `{type: ExternalName, externalName: example.com, sessionAffinity: None}`

// service is a Service as a tree; changes are laid over its spec, and null takes a field away.
func service(t *testing.T, spec string, changes ...string) *unstructured.Unstructured {
	t.Helper()
	merged := map[string]any{}
	for _, text := range append([]string{spec}, changes...) {
		layer := map[string]any{}
		if err := yaml.Unmarshal([]byte(text), &layer); err != nil {
			t.Fatal(err)
		}
		maps.Copy(merged, layer)
	}
	maps.DeleteFunc(merged, func(_ string, value any) bool { return value == nil })
	found := &unstructured.Unstructured{Object: map[string]any{"spec": runtime.DeepCopyJSON(whole64(merged).(map[string]any))}}
	found.SetName("podinfo")
	return found
}

// whole64 makes a YAML tree's numbers those of an API server's answer.
func whole64(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key := range value {
			value[key] = whole64(value[key])
		}
	case []any:
		for i := range value {
			value[i] = whole64(value[i])
		}
	case float64:
		return int64(value)
	}
	return value
}

func revisionOfService(t *testing.T, service *unstructured.Unstructured) string {
	t.Helper()
	revision, err := serviceRevision(service)
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

// A change of any of these restarts every canary of a Service on an upgrade.
func TestServiceRevisionVectors(t *testing.T) {
	got := map[string]string{}
	for name, spec := range map[string]string{"ordinary": ordinary, "balanced": balanced, "alias": alias} {
		got[name] = revisionOfService(t, service(t, spec))
	}
	want := map[string]string{
		"ordinary": "h1:6c12fa277516bebc", "balanced": "h1:a87e567911f7f45a", "alias": "h1:3f650daaa617c521",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pinned revisions (-want +got):\n%s", diff)
	}
}

func TestServiceRevision(t *testing.T) {
	cases := map[string]struct {
		reason, spec, change string
		same                 bool
	}{
		"ClusterIP": {
			reason: "The API server allocates another address when the Service is made again.",
			spec:   ordinary, change: `{clusterIP: 10.96.0.9, clusterIPs: [10.96.0.9]}`, same: true,
		},
		"NodePorts": {
			reason: "So it does with node ports.",
			spec:   balanced, change: `{healthCheckNodePort: 31001, ports: [{name: http, protocol: TCP, port: 80, targetPort: web, nodePort: 30081}]}`, same: true,
		},
		"Addresses": {
			reason: "An address of the apex cannot be the primary's as well, so there is nothing to promote.",
			spec:   ordinary, change: `{externalIPs: [192.0.2.1], externalTrafficPolicy: Cluster, loadBalancerIP: 192.0.2.2}`, same: true,
		},
		"SecondFamily": {
			reason: "A cluster that learns a second family is no change of the Service.",
			spec:   ordinary, change: `{ipFamilies: [IPv4, IPv6]}`, same: true,
		},
		"UnknownFields": {
			reason: "What the caches do not see must not look like a change at the moment of copying.",
			spec:   ordinary, change: `{fieldOfTheFuture: {a: 1}}`, same: true,
		},
		"FirstFamily":     {reason: "It decides which clients reach the Service.", spec: ordinary, change: `{ipFamilies: [IPv6]}`},
		"FamilyPolicy":    {reason: "So does this.", spec: ordinary, change: `{ipFamilyPolicy: PreferDualStack}`},
		"Selector":        {reason: "Other pods are what is released.", spec: ordinary, change: `{selector: {app: podinfo, version: v2}}`},
		"Port":            {reason: "So are other ports.", spec: ordinary, change: `{ports: [{name: http, protocol: TCP, port: 80, targetPort: 9899}]}`},
		"ExternalName":    {reason: "And another name.", spec: alias, change: `{externalName: v2.example.com}`},
		"Type":            {reason: "The type is the user's.", spec: ordinary, change: `{type: NodePort, externalTrafficPolicy: Cluster}`},
		"Headless":        {reason: "That there is no address is the user's word.", spec: ordinary, change: `{clusterIP: None, clusterIPs: [None]}`},
		"Affinity":        {reason: "Clients may stick to pods.", spec: ordinary, change: `{sessionAffinity: ClientIP}`},
		"TrafficPolicy":   {reason: "Source addresses may be kept.", spec: balanced, change: `{externalTrafficPolicy: Cluster, healthCheckNodePort: null}`},
		"SourceRanges":    {reason: "Clients may be kept out.", spec: balanced, change: `{loadBalancerSourceRanges: [198.51.100.0/24]}`},
		"Class":           {reason: "The load balancer may be another.", spec: balanced, change: `{loadBalancerClass: example.com/public}`},
		"Distribution":    {reason: "The nearest pods may be preferred.", spec: ordinary, change: `{trafficDistribution: PreferClose}`},
		"NotReadyPods":    {reason: "Pods may serve before they are ready.", spec: ordinary, change: `{publishNotReadyAddresses: true}`},
		"InternalTraffic": {reason: "Pods may be those of the node alone.", spec: ordinary, change: `{internalTrafficPolicy: Local}`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			one, other := revisionOfService(t, service(t, tc.spec)), revisionOfService(t, service(t, tc.spec, tc.change))
			if (one == other) != tc.same {
				t.Errorf("revisions %s and %s; %s", one, other, tc.reason)
			}
		})
	}
}

func TestPortableLeavesItsSourceAlone(t *testing.T) {
	source := service(t, balanced, `{ipFamilies: [IPv4, IPv6]}`)
	before := source.DeepCopy()
	portable(specOf(source))
	if diff := cmp.Diff(before, source); diff != "" {
		t.Errorf("the target was changed (-before +after):\n%s", diff)
	}
}

func plainCanary() *v1beta1.Canary {
	c := &v1beta1.Canary{}
	c.Name, c.Namespace, c.UID = "release", "test", "uid"
	c.Spec.TargetRef = v1beta1.LocalObjectReference{APIVersion: "v1", Kind: "Service", Name: "podinfo"}
	return c
}

func TestTwin(t *testing.T) {
	cases := map[string]struct {
		reason string
		target *unstructured.Unstructured
		live   *unstructured.Unstructured // nil for none
		want   map[string]any
	}{
		"UnknownFields": {
			reason: "A field that this program is too old to know belongs to what is released.",
			target: service(t, alias, `{fieldOfTheFuture: {a: 1}}`),
			want:   specOf(service(t, alias, `{fieldOfTheFuture: {a: 1}}`)),
		},
		"GoneFields": {
			reason: "What the target no longer says the copy says no longer.",
			target: service(t, alias),
			live:   service(t, alias, `{fieldOfTheFuture: {a: 1}}`),
			want:   specOf(service(t, alias)),
		},
		"External": {
			reason: "A policy for external traffic is refused where the addresses for it are not copied.",
			target: service(t, ordinary, `{externalIPs: [192.0.2.1], externalTrafficPolicy: Local}`),
			want:   specOf(service(t, ordinary, `{clusterIP: null, clusterIPs: null}`)),
		},
		"TwoFamilies": {
			reason: "A second family does not count, but may not be left out once it is there.",
			target: service(t, ordinary, `{ipFamilies: [IPv4, IPv6], ipFamilyPolicy: PreferDualStack}`),
			live:   service(t, ordinary, `{ipFamilies: [IPv4, IPv6], ipFamilyPolicy: PreferDualStack}`),
			want: specOf(service(t, ordinary,
				`{ipFamilies: [IPv4, IPv6], ipFamilyPolicy: PreferDualStack, clusterIP: null, clusterIPs: null}`)),
		},
		"ClassOfTheCopy": {
			reason: "A class that the provider gave the copy cannot be taken back.",
			target: service(t, ordinary, `{type: LoadBalancer}`),
			live:   service(t, ordinary, `{type: LoadBalancer, loadBalancerClass: example.com/internal}`),
			want:   specOf(service(t, ordinary, `{type: LoadBalancer, loadBalancerClass: example.com/internal, clusterIP: null, clusterIPs: null}`)),
		},
		"ClassOfTheTarget": {
			reason: "A class that the user wants is not hidden by the copy's.",
			target: service(t, ordinary, `{type: LoadBalancer, loadBalancerClass: example.com/public}`),
			live:   service(t, ordinary, `{type: LoadBalancer, loadBalancerClass: example.com/internal}`),
			want:   specOf(service(t, ordinary, `{type: LoadBalancer, loadBalancerClass: example.com/public, clusterIP: null, clusterIPs: null}`)),
		},
		"ClassOfAnotherType": {
			reason: "A Service that is no load balancer cannot have one.",
			target: service(t, ordinary),
			live:   service(t, ordinary, `{type: LoadBalancer, loadBalancerClass: example.com/internal}`),
			want:   specOf(service(t, ordinary, `{clusterIP: null, clusterIPs: null}`)),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			next, err := twin(plainCanary(), tc.target, tc.live, "podinfo-primary")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, specOf(next)); diff != "" {
				t.Errorf("%s Spec (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestOnlyTheCanaryServiceFollowsTheMetadata(t *testing.T) {
	target := service(t, alias)
	target.SetLabels(map[string]string{"app": "podinfo", "team": "x", "kustomize.toolkit.fluxcd.io/name": "apps"})
	target.SetAnnotations(map[string]string{
		"cloud/internal": "true", "team/owner": "x", lastAppliedAnnotation: "{}", "argocd.argoproj.io/tracking-id": "1",
	})
	target.SetFinalizers([]string{"service.kubernetes.io/load-balancer-cleanup"})
	c := plainCanary()
	c.Spec.Service.UnmanagedMetadata = &v1beta1.UnmanagedMetadata{Annotations: []string{"cloud/status"}}
	prefixes := []string{"team", "kubectl"}

	canary, err := canarySide(c, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	primary, err := primarySide(c, target, nil, "h1:1", prefixes)
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{"app": "podinfo", "team": "x"}
	notes := map[string]string{"cloud/internal": "true", "team/owner": "x"}
	expect(t, "a new canary's has those of the target", canary, labels, notes)
	expect(t, "a new primary's too", primary, labels, with(notes, revisionAnnotation, "h1:1"))

	for _, copied := range []*unstructured.Unstructured{canary, primary} {
		copied.SetLabels(with(copied.GetLabels(), "stray", "1"))
		copied.SetAnnotations(with(copied.GetAnnotations(), "cloud/status", "up"))
		copied.SetFinalizers([]string{"cloud"})
	}
	target.SetLabels(map[string]string{"app": "shop", "team": "y"})
	target.SetAnnotations(map[string]string{"cloud/internal": "false", lastAppliedAnnotation: "{}"})
	canary, err = canarySide(c, target, canary)
	if err != nil {
		t.Fatal(err)
	}
	primary, err = primarySide(c, target, primary, "h1:2", prefixes)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "the canary's follows, and keeps what is unmanaged", canary,
		map[string]string{"app": "shop", "team": "y"}, map[string]string{"cloud/internal": "false", "cloud/status": "up"})
	expect(t, "the primary's keeps its own and takes over what the prefixes include", primary,
		map[string]string{"app": "podinfo", "team": "y", "stray": "1"},
		map[string]string{"cloud/internal": "true", "cloud/status": "up", revisionAnnotation: "h1:2"})
	for _, copied := range []*unstructured.Unstructured{canary, primary} {
		if got := copied.GetFinalizers(); len(got) != 1 || got[0] != "cloud" || len(copied.GetOwnerReferences()) != 1 {
			t.Errorf("%s: finalizers %v and owners %v are not its own", copied.GetName(), got, copied.GetOwnerReferences())
		}
	}
}

func expect(t *testing.T, reason string, got *unstructured.Unstructured, labels, annotations map[string]string) {
	t.Helper()
	if diff := cmp.Diff(labels, got.GetLabels()); diff != "" {
		t.Errorf("%s: labels (-want +got):\n%s", reason, diff)
	}
	if diff := cmp.Diff(annotations, got.GetAnnotations()); diff != "" {
		t.Errorf("%s: annotations (-want +got):\n%s", reason, diff)
	}
}

// with is metadata and one entry more.
func with(metadata map[string]string, key, value string) map[string]string {
	more := maps.Clone(metadata)
	more[key] = value
	return more
}

func TestAPrimaryMadeByFlagger(t *testing.T) {
	cases := map[string]struct {
		reason          string
		target, primary *unstructured.Unstructured
		distribution    string
		recorded        string
		want            string
	}{
		"Equal": {
			reason: "Only what is allocated differs, so it is the copy.",
			target: service(t, ordinary), primary: service(t, ordinary, `{clusterIP: 10.96.0.9, clusterIPs: [10.96.0.9]}`),
			want: "h1:now",
		},
		"Different": {
			reason: "It carries something else, nobody knows what.",
			target: service(t, alias), primary: service(t, alias, `{externalName: old.example.com}`),
		},
		"Distributed": {
			reason: "The canary may say how traffic is distributed, and Flagger writes that on creation only.",
			target: service(t, ordinary), primary: service(t, ordinary), distribution: corev1.ServiceTrafficDistributionPreferClose,
			want: "h1:now",
		},
		"Recorded": {
			reason: "A primary of ours says itself what it is.",
			target: service(t, alias), primary: service(t, alias), recorded: "h1:before", want: "h1:before",
		},
		"RecordedByAnother": {
			reason: "A revision that is not ours cannot be compared.",
			target: service(t, alias), primary: service(t, alias, `{externalName: old.example.com}`), recorded: "5498f4fcd6",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := plainCanary()
			c.Spec.Service.TrafficDistribution = tc.distribution
			if tc.recorded != "" {
				tc.primary.SetAnnotations(map[string]string{revisionAnnotation: tc.recorded})
			}
			if got := copiedFrom(c, tc.primary, tc.target, "h1:now"); got != tc.want {
				t.Errorf("copied from %q, want %q; %s", got, tc.want, tc.reason)
			}
		})
	}
}
