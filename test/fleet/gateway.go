//go:build linux

package fleet

import (
	"context"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/test/lab"
)

// Gateway says who serves the canaries' routes.
type Gateway string

const (
	StandIn Gateway = "stand-in" // a gateway that accepts routes and has no traffic
	Traefik Gateway = "traefik"  // the lab's
)

// parent is what routes attach to.
func (g Gateway) parent() gatewayv1.ParentReference {
	namespace, name := gatewayv1.Namespace(lab.GatewayNamespace), gatewayv1.ObjectName(lab.GatewayName)
	if g == StandIn {
		name = "stand-in" // there is no such Gateway, so Traefik leaves its routes alone
	}
	return gatewayv1.ParentReference{Namespace: &namespace, Name: name}
}

// acceptor is the controller of the gateway that stands in: it accepts every generation of every route.
type acceptor struct {
	client client.Client
	failed func(error)
	slots  chan struct{} // one for each request under way
}

// Accept returns the handler that is the controller of the gateway that stands in: it accepts every generation of every
// route at once, until ctx ends. What goes wrong is told to failed.
func Accept(ctx context.Context, c client.Client, failed func(error)) Handler {
	a := &acceptor{client: c, failed: failed, slots: make(chan struct{}, writers)}
	return Handler{Kind: &gatewayv1.HTTPRoute{}, Note: func(o client.Object) { a.note(ctx, o.(*gatewayv1.HTTPRoute)) }}
}

// note accepts a route without holding up its caller.
func (a *acceptor) note(ctx context.Context, route *gatewayv1.HTTPRoute) {
	if isAccepted(route) {
		return
	}
	go func() {
		a.slots <- struct{}{}
		defer func() { <-a.slots }()
		if err := a.accept(ctx, route); err != nil && ctx.Err() == nil {
			a.failed(err)
		}
	}()
}

// isAccepted tells whether a route's present generation is accepted.
func isAccepted(route *gatewayv1.HTTPRoute) bool {
	for _, parent := range route.Status.Parents {
		condition := meta.FindStatusCondition(parent.Conditions, string(gatewayv1.RouteConditionAccepted))
		if condition != nil && condition.ObservedGeneration == route.Generation {
			return true
		}
	}
	return false
}

func (a *acceptor) accept(ctx context.Context, route *gatewayv1.HTTPRoute) error {
	var parents []gatewayv1.RouteParentStatus
	for _, parent := range route.Spec.ParentRefs {
		parents = append(parents, gatewayv1.RouteParentStatus{
			ParentRef: parent, ControllerName: "flagger.app/stand-in",
			Conditions: []metav1.Condition{{
				Type: string(gatewayv1.RouteConditionAccepted), Status: metav1.ConditionTrue, ObservedGeneration: route.Generation,
				Reason: string(gatewayv1.RouteReasonAccepted), LastTransitionTime: metav1.Now(),
			}},
		})
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"parents": parents}})
	if err != nil {
		return fmt.Errorf("encode the status of route %s: %w", route.Name, err)
	}
	object := &gatewayv1.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Namespace: route.Namespace, Name: route.Name}}
	err = a.client.Status().Patch(ctx, object, client.RawPatch(types.MergePatchType, patch))
	if err := client.IgnoreNotFound(err); err != nil {
		return fmt.Errorf("accept route %s: %w", route.Name, err)
	}
	return nil
}
