package controller

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/internal/workload"
)

func born(name string, seconds int64) *v1beta1.Canary {
	c := testkit.Canary(testkit.Named(name))
	c.CreationTimestamp = metav1.Unix(seconds, 0)
	return c
}

func TestOlder(t *testing.T) {
	tests := map[string]struct {
		reason string
		a, b   *v1beta1.Canary
		want   bool
	}{
		"ByTime":         {"Who was there first keeps the target.", born("z", 1), born("a", 2), true},
		"ByTimeReversed": {"The other is refused, whatever its name.", born("a", 2), born("z", 1), false},
		"SameSecond":     {"Time stamps count seconds; exactly one of two must win.", born("a", 1), born("b", 1), true},
		"SameReversed":   {"And so the other loses.", born("b", 1), born("a", 1), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { expect(t, test.reason, test.want, older(test.a, test.b)) })
	}
}

func TestExplain(t *testing.T) {
	deployments := schema.GroupResource{Group: "apps", Resource: "deployments"}
	invalid := &rollout.Invalid{Field: "spec.analysis.interval", Cause: "is none"}
	tests := map[string]struct {
		reason  string
		err     error
		message string
		retry   time.Duration
	}{
		"OneField": {
			reason: "Field and cause are what the user needs.",
			err:    fmt.Errorf("work: %w", invalid), message: "invalid canary spec: work: spec.analysis.interval: is none",
		},
		"TwoFields": {
			reason:  "A condition is one line.",
			err:     errors.Join(invalid, &rollout.Invalid{Field: "spec.service.port", Cause: "is 0"}),
			message: "invalid canary spec: spec.analysis.interval: is none; spec.service.port: is 0",
		},
		"RouterRefuses": {
			reason: "What a router cannot express is a mistake in the spec as well.",
			err:    router.InvalidSpec(errors.New("no gateways")), message: "invalid canary spec: no gateways",
		},
		"TargetMissing": {
			reason: "A watch tells when the target comes.",
			err:    fmt.Errorf("observe target: %w", workload.ErrTargetNotFound), message: "observe target: target not found",
		},
		"TargetUnfit":    {reason: "Only the user can change the target.", err: workload.ErrInvalidTarget, message: "invalid target"},
		"ForeignPrimary": {reason: "Only the user can remove it.", err: workload.ErrForeign, message: "object belongs to somebody else"},
		"ForeignRoute":   {reason: "Only the user can remove it.", err: router.ErrForeign, message: "object belongs to somebody else"},
		"CRDMissing": {
			reason:  "No watch tells of a CRD, so it is looked for again.",
			err:     &meta.NoKindMatchError{GroupKind: routeKind, SearchedVersions: []string{"v1"}},
			message: `no matches for kind "HTTPRoute" in version "gateway.networking.k8s.io/v1"`,
			retry:   unwatched,
		},
		"Forbidden": {
			reason:  "Nor of a Role.",
			err:     apierrors.NewForbidden(deployments, "web", errors.New("no")),
			message: `deployments.apps "web" is forbidden: no`, retry: unwatched,
		},
		"CRDOld": {
			reason: "The same words wherever it shows, or it would be told twice.",
			err:    fmt.Errorf("persist: %w", errPruned), message: errPruned.Error(), retry: unwatched,
		},
		"Conflict": {reason: "Time mends it.", err: apierrors.NewConflict(deployments, "web", errors.New("changed"))},
		"Outage":   {reason: "Time mends it.", err: errors.New("connection refused")},
		"Unsafe": {
			reason: "A defect of ours is not the user's to mend, but to know of.",
			err:    fmt.Errorf("%w: no", rollout.ErrUnsafe), message: "refused as unsafe: no", retry: unwatched,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			message, retry, terminal := explain(test.err)
			expect(t, test.reason, []any{test.message, test.retry, test.message != ""}, []any{message, retry, terminal})
		})
	}
}

func TestSettle(t *testing.T) {
	broken := errors.New("broken")
	conflict := apierrors.NewConflict(schema.GroupResource{Resource: "canaries"}, "web", errors.New("changed"))
	tests := map[string]struct {
		reason string
		err    error
		want   ctrl.Result
		kept   error
	}{
		"Conflict":  {"Somebody was faster, which is nobody's fault.", fmt.Errorf("persist: %w", conflict), ctrl.Result{RequeueAfter: time.Second}, nil},
		"Overtaken": {"So was the target.", fmt.Errorf("promote: %w", errOvertaken), ctrl.Result{RequeueAfter: time.Second}, nil},
		"Fenced":    {"The fence tells the log, once for all canaries.", fmt.Errorf("persist: %w", kube.ErrFenced), ctrl.Result{RequeueAfter: time.Second}, nil},
		"Error":     {"Everything else is for the back-off.", broken, ctrl.Result{RequeueAfter: time.Minute}, broken},
		"Done":      {"The next look is when the decision said.", nil, ctrl.Result{RequeueAfter: time.Minute}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := settle(ctrl.Result{RequeueAfter: time.Minute}, test.err)
			expect(t, test.reason, test.want, got)
			if !errors.Is(err, test.kept) {
				t.Errorf("%s\nwant %v, got %v", test.reason, test.kept, err)
			}
		})
	}
}

func TestPruned(t *testing.T) {
	ready := []v1beta1.CanaryCondition{{Type: v1beta1.ReadyCondition, Status: corev1.ConditionTrue}}
	promoted := []v1beta1.CanaryCondition{{Type: v1beta1.PromotedCondition, Status: corev1.ConditionTrue}}
	tests := map[string]struct {
		reason string
		status v1beta1.CanaryStatus
		want   bool
	}{
		"New":       {"A canary without a status has lost nothing.", v1beta1.CanaryStatus{}, false},
		"Flagger's": {"Flagger knows neither the condition nor the field.", v1beta1.CanaryStatus{Conditions: promoted}, false},
		"Ours":      {"Both are there.", v1beta1.CanaryStatus{Conditions: ready, ObservedGeneration: 1}, false},
		"Pruned":    {"We write both or none, so one of them was dropped.", v1beta1.CanaryStatus{Conditions: ready}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { expect(t, test.reason, test.want, pruned(test.status)) })
	}
}

func TestNewRefusesAnUnknownDefault(t *testing.T) {
	o := optionsFor(nil, nil)
	o.MeshProvider = "consul"
	if _, err := New(o); !errors.Is(err, router.ErrUnknownProvider) {
		t.Errorf("a wrong -mesh-provider is told at the start, not with each canary: got %v", err)
	}
}

func TestVerbs(t *testing.T) {
	seen := map[string]rollout.Action{}
	for _, action := range []rollout.Action{
		rollout.EnsureServices{}, rollout.EnsureApex{}, rollout.SyncPrimary{}, rollout.Promote{},
		rollout.Route{}, rollout.ScaleCanary{}, rollout.EnsureScaler{}, rollout.Release{}, rollout.Forget{},
		rollout.Unroute{}, rollout.PruneConfigs{},
	} {
		if other, taken := seen[verb(action)]; taken {
			t.Errorf("%T and %T are both called %q: an error must say which it was", other, action, verb(action))
		}
		seen[verb(action)] = action
	}
}

func TestIndices(t *testing.T) {
	c := testkit.Canary()
	c.Namespace = "ns"
	expect(t, "A canary is woken by its target and its primary.", []string{"web", "web-primary"}, Workloads(c))
	expect(t, "And by its three Services.", []string{"web", "web-primary", "web-canary"}, Apexes(c))
	c.Spec.Service.Name = "shop"
	expect(t, "Services may have a name of their own.", []string{"shop", "shop-primary", "shop-canary"}, Apexes(c))
	expect(t, "Workloads have not.", []string{"web", "web-primary"}, Workloads(c))
	expect(t, "The routing object goes by what users call.", []string{"shop", "shop-primary", "shop-canary", "web", "shop.ns", "shop-canary.ns",
		"ns-shop-primaryupstream-80", "ns-shop-canaryupstream-80"}, Routes(c))
	c.Spec.IngressRef = &v1beta1.LocalObjectReference{Kind: "Ingress", Name: "front"}
	expect(t, "Or by what it is copied from, which wakes the canary too.",
		[]string{"shop", "shop-primary", "shop-canary", "web", "shop.ns", "shop-canary.ns",
			"ns-shop-primaryupstream-80", "ns-shop-canaryupstream-80", "front", "front-canary", "front-shop-canary"}, Routes(c))
	c.Spec.TargetRef.Kind = "Service"
	expect(t, "A target that is a Service names the other two.", []string{"web", "web-primary", "web-canary"}, Apexes(c))
	fields := indices{}
	must(t, Index(context.Background(), fields), "index")
	expect(t, "All are looked up in the cache by what they are made of.", []string{"front", "front-shop", "shop", "web"}, fields[stemIndex](c))
}
