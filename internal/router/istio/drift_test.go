package istio

import (
	"errors"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

// A step writes the VirtualService and nothing else, and a policy the DestinationRules and nothing else.
func TestWhatAChangeWrites(t *testing.T) {
	b := routertest.NewBench(t, provider(t))
	b.Apply(rollout.ToPrimary(), 3)
	b.Apply(rollout.Split(10), 1)
	b.Apply(rollout.Split(10), 0)
	b.Canary.Spec.Service.TrafficPolicy = &istio.TrafficPolicy{TLS: &istio.ClientTLSSettings{Mode: "DISABLE"}}
	b.Apply(rollout.Split(10), 2)
	b.Canary.Spec.Service.TrafficPolicy = nil
	b.Apply(rollout.Split(20), 3)
	for _, side := range []string{"podinfo-primary", "podinfo-canary"} {
		if policy, found, _ := unstructured.NestedMap(b.Object(ruleKind, side).Object, "spec", "trafficPolicy"); found {
			t.Errorf("%s kept the policy %v", side, policy)
		}
	}
}

// A crash may leave any of the objects unwritten; the next Apply makes up for it.
func TestACrashBetweenTwoWritesIsHealed(t *testing.T) {
	for _, name := range []string{"podinfo-canary", "podinfo-primary", "podinfo"} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t))
			b.Apply(rollout.Split(10), 3)
			kind := ruleKind
			if name == "podinfo" {
				kind = routeKind
			}
			if err := b.Direct.Delete(t.Context(), b.Object(kind, name)); err != nil {
				t.Fatal(err)
			}
			b.Apply(rollout.Split(10), 1)
			b.Object(kind, name)
		})
	}
}

// Nobody is sent to the canary while its policy cannot be written; everybody comes back, and the mirror ends.
func TestTroubleWithARule(t *testing.T) {
	b := routertest.NewBench(t, provider(t))
	b.Apply(rollout.Split(50), 3)
	b.Edit(ruleKind, "podinfo-canary", func(rule *unstructured.Unstructured) {
		rule.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "App", Name: "a", UID: "1", Controller: new(true)}})
	})
	mirrored := rollout.Traffic{Primary: 100, Mirrored: true}
	for _, test := range []struct{ want, got rollout.Traffic }{
		{want: rollout.Split(60), got: rollout.Split(50)},
		{want: rollout.Split(50), got: rollout.Split(50)},
		{want: rollout.Split(40), got: rollout.Split(40)},
		{want: mirrored, got: mirrored},
		{want: rollout.ToPrimary(), got: rollout.ToPrimary()},
	} {
		if err := b.Router.Apply(t.Context(), b.Canary, test.want); !errors.Is(err, router.ErrForeign) {
			t.Errorf("%+v: got error %v, want that the rule is somebody else's", test.want, err)
		}
		if got := b.Observe().Traffic; got != test.got {
			t.Errorf("%+v: the traffic is %+v, want %+v", test.want, got, test.got)
		}
	}
}

// A service that goes over to connections leaves no route of requests behind, which would keep its weights for ever, and
// the other way round.
func TestAChangeOfProtocol(t *testing.T) {
	for name, users := range map[string]*unstructured.Unstructured{"Ours": nil, "TakenOver": usersRoute()} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t))
			if users != nil {
				b.Create(users, "kubectl")
			}
			for _, protocol := range []string{"http", "tcp", "http"} {
				b.Canary.Spec.Service.AppProtocol = protocol
				b.Settle(rollout.Split(30))
				spec, err := specOf(b.Routing())
				if err != nil {
					t.Fatal(err)
				}
				if leadsToASide(b.Canary, spec.HTTP) == (protocol == "tcp") || leadsToASide(b.Canary, asHTTP(spec.TCP)) != (protocol == "tcp") {
					t.Errorf("with %s: HTTP routes %v, TCP routes %v", protocol, spec.HTTP, spec.TCP)
				}
			}
		})
	}
}

// What the API server says of a write is told with the object and what the write was for.
func TestTextsOfErrors(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*v1beta1.CanaryService)
		before rollout.Traffic
		want   string
	}{
		"Create":     {change: badTimeout, want: "reconcileVirtualService failed: VirtualService podinfo.%s create error: "},
		"Reconcile":  {change: badTimeout, before: rollout.Split(10), want: "reconcileVirtualService failed: VirtualService podinfo.%s update error: "},
		"SetRoutes":  {change: badTimeout, before: rollout.ToPrimary(), want: "VirtualService podinfo.%s update failed: "},
		"CreateRule": {change: badPolicy, want: "reconcileDestinationRule failed: DestinationRule podinfo-canary.%s create error: "},
		"UpdateRule": {change: badPolicy, before: rollout.ToPrimary(), want: "reconcileDestinationRule failed: DestinationRule podinfo-canary.%s update error: "},
	} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t))
			if test.before != (rollout.Traffic{}) {
				b.Settle(test.before)
			}
			test.change(&b.Canary.Spec.Service)
			err := b.Router.Apply(t.Context(), b.Canary, rollout.Split(10))
			if want := strings.ReplaceAll(test.want, "%s", b.Canary.Namespace); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got error %v, want %s", err, want)
			}
		})
	}
}

func badTimeout(s *v1beta1.CanaryService) { s.Timeout = "no duration" }

func badPolicy(s *v1beta1.CanaryService) {
	s.TrafficPolicy = &istio.TrafficPolicy{OutlierDetection: &istio.OutlierDetection{Interval: "no duration"}}
}
