package gatewayapi

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router/routertest"
)

// answered is a parent's status with one condition.
func answered(ref gatewayv1.ParentReference, kind gatewayv1.RouteConditionType, status metav1.ConditionStatus, generation int64) gatewayv1.RouteParentStatus {
	return gatewayv1.RouteParentStatus{
		ParentRef:      ref,
		ControllerName: "example.com/gateway",
		Conditions: []metav1.Condition{{
			Type: string(kind), Status: status, ObservedGeneration: generation, Reason: "Tested", LastTransitionTime: metav1.Unix(0, 0),
		}},
	}
}

func accepted(ref gatewayv1.ParentReference, status metav1.ConditionStatus, generation int64) gatewayv1.RouteParentStatus {
	return answered(ref, gatewayv1.RouteConditionAccepted, status, generation)
}

func TestAcceptance(t *testing.T) {
	gateway := gatewayv1.ParentReference{Name: "gateway"}
	spelledOut := gatewayv1.ParentReference{
		Group: new(gatewayv1.Group(gatewayv1.GroupName)), Kind: new(gatewayv1.Kind("Gateway")),
		Namespace: new(gatewayv1.Namespace("test")), Name: "gateway",
	}
	other := gatewayv1.ParentReference{Name: "other", Namespace: new(gatewayv1.Namespace("ingress"))}
	section := gatewayv1.ParentReference{Name: "gateway", SectionName: new(gatewayv1.SectionName("https"))}
	port := gatewayv1.ParentReference{Name: "gateway", Port: new(gatewayv1.PortNumber(443))}
	core := gatewayv1.ParentReference{Group: new(gatewayv1.Group("core")), Kind: new(gatewayv1.Kind("Service")), Name: "podinfo"}
	mesh := gatewayv1.ParentReference{Group: new(gatewayv1.Group("")), Kind: new(gatewayv1.Kind("Service")), Name: "podinfo"}
	silence := "HTTPRoute podinfo.test parent gateway is not ready (status: Unknown, observed generation: 0, current generation: 3)"
	type parents = []gatewayv1.ParentReference
	type statuses = []gatewayv1.RouteParentStatus

	for name, test := range map[string]struct {
		reason   string
		parents  parents
		statuses statuses
		want     rollout.Acceptance
		message  string
	}{
		"NobodyAnswered": {
			reason:  "Silence is not consent: the controller may not have seen the route yet.",
			parents: parents{gateway}, want: rollout.Unconfirmed, message: silence,
		},
		"Accepted": {
			reason:  "The present generation is in the data plane.",
			parents: parents{gateway}, statuses: statuses{accepted(gateway, metav1.ConditionTrue, 3)}, want: rollout.Taken,
		},
		"AcceptedLater": {
			reason:  "The cache may hold an older route than the controller has seen.",
			parents: parents{gateway}, statuses: statuses{accepted(gateway, metav1.ConditionTrue, 4)}, want: rollout.Taken,
		},
		"AcceptedAnEarlierOne": {
			reason:  "The weights before are still in force.",
			parents: parents{gateway}, statuses: statuses{accepted(gateway, metav1.ConditionTrue, 2)}, want: rollout.Unconfirmed,
			message: "HTTPRoute podinfo.test parent gateway is not ready (status: True, observed generation: 2, current generation: 3)",
		},
		"AcceptedWithoutAGeneration": {
			reason:  "Linkerd never names one; waiting for it would make every step a minute.",
			parents: parents{gateway}, statuses: statuses{accepted(gateway, metav1.ConditionTrue, 0)}, want: rollout.Taken,
		},
		"Refused": {
			reason:  "A present no stays until somebody mends something.",
			parents: parents{gateway}, statuses: statuses{accepted(gateway, metav1.ConditionFalse, 3)}, want: rollout.Refused,
			message: "HTTPRoute podinfo.test parent gateway is not ready (status: False, observed generation: 3, current generation: 3)",
		},
		"RefusedAnEarlierOne": {
			reason:  "A no to another generation says nothing of this one.",
			parents: parents{gateway}, statuses: statuses{accepted(gateway, metav1.ConditionFalse, 2)}, want: rollout.Unconfirmed,
			message: "HTTPRoute podinfo.test parent gateway is not ready (status: False, observed generation: 2, current generation: 3)",
		},
		"Unknown": {
			reason:  "The controller has not made up its mind.",
			parents: parents{gateway}, statuses: statuses{accepted(gateway, metav1.ConditionUnknown, 3)}, want: rollout.Unconfirmed,
			message: "HTTPRoute podinfo.test parent gateway is not ready (status: Unknown, observed generation: 3, current generation: 3)",
		},
		"AnotherCondition": {
			reason:  "Resolved references alone move no traffic.",
			parents: parents{gateway}, statuses: statuses{answered(gateway, gatewayv1.RouteConditionResolvedRefs, metav1.ConditionTrue, 3)},
			want: rollout.Unconfirmed, message: silence,
		},
		"DefaultsSpelledOut": {
			reason:  "Controllers may spell out the group, kind and namespace that the spec leaves to default.",
			parents: parents{gateway}, statuses: statuses{accepted(spelledOut, metav1.ConditionTrue, 3)}, want: rollout.Taken,
		},
		"CoreIsTheGroupWithoutAName": {
			reason:  "Linkerd answers to the group core where the spec says the empty group, and the other way round.",
			parents: parents{core}, statuses: statuses{accepted(mesh, metav1.ConditionTrue, 3)}, want: rollout.Taken,
		},
		"AnotherSection": {
			reason:  "Listeners of one Gateway answer one by one.",
			parents: parents{gateway}, statuses: statuses{accepted(section, metav1.ConditionTrue, 3), accepted(port, metav1.ConditionTrue, 3)},
			want: rollout.Unconfirmed, message: silence,
		},
		"OneOfTwoParents": {
			reason:  "Every parent carries live traffic.",
			parents: parents{other, gateway}, statuses: statuses{accepted(other, metav1.ConditionTrue, 3)},
			want: rollout.Unconfirmed, message: silence,
		},
		"RefusalOutweighsSilence": {
			reason:  "What will not mend itself is what users must hear of.",
			parents: parents{gateway, other}, statuses: statuses{accepted(other, metav1.ConditionFalse, 3)}, want: rollout.Refused,
			message: "HTTPRoute podinfo.test parent other is not ready (status: False, observed generation: 3, current generation: 3)",
		},
		"TwoControllers": {
			reason:  "One controller that serves the parent is enough, whatever another thinks of it.",
			parents: parents{gateway}, want: rollout.Taken,
			statuses: statuses{accepted(gateway, metav1.ConditionFalse, 3), accepted(gateway, metav1.ConditionTrue, 3)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			route := gatewayv1.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Name: "podinfo", Namespace: "test", Generation: 3}}
			route.Spec.ParentRefs, route.Status.Parents = test.parents, test.statuses
			content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&route)
			if err != nil {
				t.Fatal(err)
			}
			got, message, err := acceptance(&unstructured.Unstructured{Object: content})
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want || message != test.message {
				t.Errorf("%s\ngot  %d %q\nwant %d %q", test.reason, got, message, test.want, test.message)
			}
		})
	}
}

// An answer holds for the weights it was given to and for no later ones.
func TestANewWeightAwaitsANewAnswer(t *testing.T) {
	for _, version := range []Version{V1, V1beta1} {
		t.Run(version.api, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t, version))
			b.Apply(rollout.Split(10), 1)
			if got := b.Observe().Acceptance; got != rollout.Unconfirmed {
				t.Errorf("before any answer: acceptance %d", got)
			}
			route := b.Routing()
			answer, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&gatewayv1.HTTPRouteStatus{RouteStatus: gatewayv1.RouteStatus{
				Parents: []gatewayv1.RouteParentStatus{accepted(gatewayv1.ParentReference{Name: "gateway"}, metav1.ConditionTrue, route.GetGeneration())},
			}})
			if err != nil {
				t.Fatal(err)
			}
			route.Object["status"] = answer
			b.Report(route)
			want := rollout.Routing{Traffic: rollout.Split(10), Acceptance: rollout.Taken}
			if diff := cmp.Diff(want, b.Observe()); diff != "" {
				t.Errorf("after the answer (-want +got):\n%s", diff)
			}
			b.Apply(rollout.Split(20), 1)
			if got := b.Observe().Acceptance; got != rollout.Unconfirmed {
				t.Errorf("after the next step: acceptance %d", got)
			}
		})
	}
}
