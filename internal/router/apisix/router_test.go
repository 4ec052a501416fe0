package apisix

import (
	"context"
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

func TestConformance(t *testing.T) { routertest.Run(t, provider(t)) }

// provider is what the suite knows of us. It knows nothing of the user's route, which is made in the canary's
// namespace when the suite asks for the router, and by which alone an edit can change the canary's.
func provider(t *testing.T) routertest.Provider {
	direct := connect(t)
	var c *v1beta1.Canary
	row := Row()
	makeRouter := row.New
	row.New = func(deps router.Deps) router.Router {
		users := usersRoute()
		users.SetNamespace(c.Namespace)
		if err := direct.Create(t.Context(), users); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Errorf("create the user's route: %v", err)
		}
		return makeRouter(deps)
	}
	return routertest.Provider{
		Row:  row,
		CRDs: []string{crd(t)},
		Canary: func() *v1beta1.Canary {
			c = canary()
			return c
		},
		Object: "shop-podinfo-canary",
		Edit: func(c *v1beta1.Canary) {
			users := usersRoute()
			if err := direct.Get(t.Context(), client.ObjectKey{Namespace: c.Namespace, Name: "shop"}, users); err != nil {
				t.Fatal(err)
			}
			rules(users)[0]["timeout"] = map[string]any{"read": "10s"}
			if err := direct.Update(t.Context(), users); err != nil {
				t.Fatal(err)
			}
		},
		Damage: func(object *unstructured.Unstructured) {
			weights(1, 9)(object)
			rules(object)[1]["priority"] = int64(1)
			object.Object["spec"].(map[string]any)["ingressClassName"] = "other"
		},
		Refused: map[string]func(*v1beta1.Canary){
			"NoReference": func(c *v1beta1.Canary) { c.Spec.RouteRef = nil },
			"NoName":      func(c *v1beta1.Canary) { c.Spec.RouteRef.Name = "" },
			"AnotherKind": func(c *v1beta1.Canary) { c.Spec.RouteRef.Kind = "Ingress" },
		},
	}
}

// What the row does not claim is refused before any traffic moves.
func TestTheRowRefuses(t *testing.T) {
	for field, change := range map[string]func(*v1beta1.CanaryAnalysis){
		"spec.analysis.match": func(a *v1beta1.CanaryAnalysis) {
			a.StepWeight, a.Iterations = 0, 5
			a.Match = []istio.HTTPMatchRequest{{Headers: map[string]istio.StringMatch{"x-canary": {Exact: "insider"}}}}
		},
		"spec.analysis.mirror":          func(a *v1beta1.CanaryAnalysis) { a.Mirror = true },
		"spec.analysis.sessionAffinity": func(a *v1beta1.CanaryAnalysis) { a.SessionAffinity = &v1beta1.SessionAffinity{CookieName: "side"} },
	} {
		t.Run(field, func(t *testing.T) {
			c := canary()
			if _, err := rollout.NewPlan(c, Row().Capabilities, rollout.Settings{}); err != nil {
				t.Fatalf("the canary is refused as it is: %v", err)
			}
			change(c.Spec.Analysis)
			_, err := rollout.NewPlan(c, Row().Capabilities, rollout.Settings{})
			var invalid *rollout.Invalid
			if !errors.As(err, &invalid) || invalid.Field != field {
				t.Errorf("got error %v, want one about %s", err, field)
			}
		})
	}
}

// A route that serves nobody would be an outage.
func TestNoWeightsAreRefused(t *testing.T) {
	k := withUsers(t)
	k.apply(rollout.Split(25), 1)
	k.writes = 0
	err := k.router.Apply(t.Context(), k.canary, rollout.Traffic{})
	if want := "RoutingRule podinfo." + k.canary.Namespace + " update failed: no valid weights"; err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
	if k.writes != 0 {
		t.Errorf("it was written %d times", k.writes)
	}
}

// An API server that does not answer is no answer about the user's route.
func TestAReadErrorMovesNobody(t *testing.T) {
	k := withUsers(t)
	k.apply(rollout.Split(25), 1)
	broken := errors.New("connection refused")
	for name, route := range map[string]string{"Users": "shop", "Canarys": "shop-podinfo-canary"} {
		t.Run(name, func(t *testing.T) {
			r := New(router.Deps{Client: failing{k.router.deps.Client, route, broken}, Owned: true})
			err := r.Apply(t.Context(), k.canary, rollout.ToPrimary())
			if !errors.Is(err, broken) || errors.Is(err, router.ErrInvalidSpec) {
				t.Errorf("got error %v", err)
			}
			if got := k.observe().Traffic; got != rollout.Split(25) {
				t.Errorf("users were moved: %+v", got)
			}
		})
	}
}

// failing is a client that cannot read the object of a name.
type failing struct {
	client.Client
	name string
	err  error
}

func (f failing) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	if key.Name == f.name {
		return f.err
	}
	return f.Client.Get(ctx, key, obj, opts...)
}
