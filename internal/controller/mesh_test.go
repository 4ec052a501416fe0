package controller

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/internal/testkit/memory"
)

// TestRoutesOfAnotherCluster: with -kubeconfig-service-mesh the routing objects are kept where nothing can own them, so the
// canary takes them with it.
func TestRoutesOfAnotherCluster(t *testing.T) {
	t.Parallel()
	kind := schema.GroupVersionKind{Group: gatewayv1.GroupName, Version: "v1", Kind: "HTTPRoute"}
	var mesh *memory.Server
	w := newWorld(t, func(o *Options) {
		mesh = memory.New(scheme(t), o.Clock.Now, kind)
		o.Mesh = &Mesh{Client: mesh.Direct()}
	})
	weights := func() []string {
		route := &gatewayv1.HTTPRoute{}
		must(t, mesh.Direct().Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: testkit.App}, route), "get the route")
		expect(t, "An owner that lives in another cluster would have it collected at once.", 0, len(route.OwnerReferences))
		return backendsOf(route)
	}
	w.rollOut(testkit.Steps(50))
	expect(t, "At rest.", []string{"web-primary 100", "web-canary 0"}, weights())
	expect(t, "There is none in the canaries' own cluster.", false, w.get(testkit.App, &gatewayv1.HTTPRoute{}))
	w.push("app:2")
	w.untilSo("the canary has its weight", func() bool { return w.canary().Status.CanaryWeight == 50 })
	expect(t, "At a step.", []string{"web-primary 50", "web-canary 50"}, weights())
	w.until(v1beta1.PhaseSucceeded)

	expect(t, "The finalizer keeps the canary until its route is gone.", []string{Finalizer}, w.canary().Finalizers)
	w.remove(testkit.Canary())
	w.untilSo("the canary is gone", w.gone)
	expect(t, "Its route is gone with it.", map[string]any(nil), mesh.Tree(kind, w.namespace, testkit.App))
}
