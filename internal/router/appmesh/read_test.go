package appmesh

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router/routertest"
)

// routed is an object with the routes, each a list of targets for a field of the route's protocol.
func routed(field string, lists ...[]any) *unstructured.Unstructured {
	var routes []any
	for _, targets := range lists {
		routes = append(routes, map[string]any{
			"name": "podinfo", "priority": int64(10),
			field: map[string]any{"action": map[string]any{"weightedTargets": targets}},
		})
	}
	return object(apiV1beta2, kindRouter, "podinfo", map[string]any{"routes": routes})
}

func newTarget(node string, weight any) any {
	return map[string]any{"virtualNodeRef": map[string]any{"name": node}, "weight": weight}
}

func oldTarget(node string, weight any) any {
	return map[string]any{"virtualNodeName": node, "weight": weight}
}

func TestRead(t *testing.T) {
	const primary, canary = "podinfo-primary", "podinfo-canary"
	elsewhere := newTarget(primary, int64(90)).(map[string]any)
	elsewhere["virtualNodeRef"].(map[string]any)["namespace"] = "prod"
	for name, test := range map[string]struct {
		reason  string
		dialect dialect
		object  *unstructured.Unstructured
		want    rollout.Traffic
		none    bool // neither side is there
	}{
		"AsApplied": {
			reason: "The inverse of what is rendered.", dialect: newDialect,
			object: routed("httpRoute", []any{newTarget(canary, int64(10)), newTarget(primary, int64(90))}), want: rollout.Split(10),
		},
		"Shares": {
			reason: "Weights are relative.", dialect: newDialect,
			object: routed("httpRoute", []any{newTarget(canary, int64(1)), newTarget(primary, int64(3))}), want: rollout.Split(25),
		},
		"FirstOfMany": {
			reason: "In an A/B test the first route has the weights, the last one is the rest.", dialect: newDialect,
			object: routed("httpRoute", []any{newTarget(canary, int64(100)), newTarget(primary, int64(0))}, []any{newTarget(primary, int64(100))}),
			want:   rollout.ToCanary(),
		},
		"GRPC": {
			reason: "Whatever the protocol.", dialect: newDialect,
			object: routed("grpcRoute", []any{newTarget(canary, int64(10)), newTarget(primary, int64(90))}), want: rollout.Split(10),
		},
		"Zeros": {
			reason: "Two zeros serve nobody, and are drift.", dialect: newDialect,
			object: routed("httpRoute", []any{newTarget(canary, int64(0)), newTarget(primary, int64(0))}),
		},
		"OneSide": {
			reason: "A side without a target has no traffic.", dialect: newDialect,
			object: routed("httpRoute", []any{newTarget(canary, int64(5))}), want: rollout.ToCanary(),
		},
		"OtherNamespace": {
			reason: "A VirtualNode of another namespace is not ours, whatever its name.", dialect: newDialect,
			object: routed("httpRoute", []any{newTarget(canary, int64(10)), elsewhere}), want: rollout.ToCanary(),
		},
		"NoRoutes":  {reason: "A router may have none.", dialect: newDialect, object: routed("httpRoute"), none: true},
		"NoTargets": {reason: "A route of another kind has no action.", dialect: newDialect, object: routed("httpRoute", []any{}), none: true},
		"Others":    {reason: "A user's leads elsewhere.", dialect: newDialect, object: routed("httpRoute", []any{newTarget("podinfo", int64(1))}), none: true},
		"Old": {
			reason: "v1beta1 has names.", dialect: oldDialect,
			object: routed("http", []any{oldTarget(canary, int64(10)), oldTarget(primary, int64(90))}), want: rollout.Split(10),
		},
		"OldQualified": {
			reason: "They may have the namespace in them.", dialect: oldDialect,
			object: routed("http", []any{oldTarget(canary+".test", int64(10)), oldTarget(primary+".test", int64(90))}), want: rollout.Split(10),
		},
		"OldElsewhere": {
			reason: "Or another one.", dialect: oldDialect,
			object: routed("http", []any{oldTarget(canary+".prod", int64(10))}), none: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, found, err := test.dialect.read(routertest.Canary(), test.object)
			if err != nil || found == test.none {
				t.Errorf("%s Found %t, %v", test.reason, found, err)
			}
			if diff := cmp.Diff(test.want, got); !test.none && diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
		})
	}
}

func TestWhatCannotBeReadIsNamed(t *testing.T) {
	for name, routes := range map[string]any{"NoList": "none", "NoObject": []any{"none"}} {
		t.Run(name, func(t *testing.T) {
			broken := object(apiV1beta2, kindRouter, "podinfo", map[string]any{"routes": routes})
			if _, _, err := newDialect.read(routertest.Canary(), broken); err == nil {
				t.Error("it was read")
			}
			if _, err := newDialect.destinations(routertest.Canary(), broken); err == nil {
				t.Error("its destinations were read")
			}
		})
	}
}
