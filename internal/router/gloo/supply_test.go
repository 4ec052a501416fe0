package gloo

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
	"flagger.app/flagger/internal/testkit"
)

// settings is an Upstream to copy from.
func settings(fields map[string]any) *unstructured.Unstructured {
	object := upstreamOfSomebody("settings")
	for field, value := range fields {
		object.Object["spec"].(map[string]any)[field] = value
	}
	return object
}

// upstreamsOf are those of the two sides as they are stored.
func upstreamsOf(b *routertest.Bench) []*unstructured.Unstructured {
	b.Helper()
	return []*unstructured.Unstructured{
		b.Object(upstreamKind, primarySide(b.Canary).upstream),
		b.Object(upstreamKind, canarySide(b.Canary).upstream),
	}
}

func spec(object *unstructured.Unstructured) map[string]any {
	return object.Object["spec"].(map[string]any)
}

func TestUpstreamsAreRepaired(t *testing.T) {
	for name, damage := range map[string]func(*unstructured.Unstructured){
		"TheService": func(u *unstructured.Unstructured) { spec(u)["kube"].(map[string]any)["serviceName"] = "podinfo" },
		"ThePort":    func(u *unstructured.Unstructured) { spec(u)["kube"].(map[string]any)["servicePort"] = int64(81) },
		"ALabelOfPods": func(u *unstructured.Unstructured) {
			spec(u)["kube"].(map[string]any)["selector"] = map[string]any{"app": "podinfo", "tier": "web"}
		},
		"AGuard":   func(u *unstructured.Unstructured) { u.SetAnnotations(nil) },
		"TheOwner": func(u *unstructured.Unstructured) { u.SetOwnerReferences(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.Settle(rollout.Split(10))
			for i, before := range upstreamsOf(b) {
				b.Edit(upstreamKind, before.GetName(), damage)
				b.Settle(rollout.Split(10))
				after := upstreamsOf(b)[i]
				for _, object := range []*unstructured.Unstructured{before, after} {
					object.SetManagedFields(nil)
					object.SetResourceVersion("")
					object.SetGeneration(0)
				}
				if diff := cmp.Diff(before.Object, after.Object); diff != "" {
					t.Errorf("%s (-before +after):\n%s", before.GetName(), diff)
				}
			}
		})
	}
}

// What discovery and users add to an Upstream is theirs.
func TestUpstreamsKeepWhatOthersAdd(t *testing.T) {
	b := newBench(t)
	b.Settle(rollout.ToPrimary())
	for i, before := range upstreamsOf(b) {
		b.Edit(upstreamKind, before.GetName(), func(u *unstructured.Unstructured) {
			u.SetLabels(map[string]string{"theirs": "yes"})
			spec(u)["kube"].(map[string]any)["serviceSpec"] = map[string]any{"rest": map[string]any{}}
			spec(u)["circuitBreakers"] = map[string]any{"maxRequests": int64(5)}
		})
		want := upstreamsOf(b)[i]
		b.Apply(rollout.ToPrimary(), 0)
		b.Apply(rollout.Split(10), 1)
		b.Apply(rollout.ToPrimary(), 1)
		if diff := cmp.Diff(want.Object, upstreamsOf(b)[i].Object); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// The pods of a side are those of its Service.
func TestUpstreamsFollowTheServices(t *testing.T) {
	b := newBench(t)
	b.Settle(rollout.Split(10))
	b.Edit(service("", "").GroupVersionKind(), "podinfo-canary", func(s *unstructured.Unstructured) {
		spec(s)["selector"] = map[string]any{"name": "podinfo"}
	})
	b.Apply(rollout.Split(10), 1)
	got, _, _ := unstructured.NestedStringMap(upstreamsOf(b)[1].Object, "spec", "kube", "selector")
	if diff := cmp.Diff(map[string]string{"name": "podinfo"}, got); diff != "" {
		t.Errorf("selector (-want +got):\n%s", diff)
	}
	b.Apply(rollout.Split(10), 0)
}

// All that is copied from the reference follows it, and nothing else of it does.
func TestUpstreamsFollowTheReference(t *testing.T) {
	for name, elsewhere := range map[string]bool{"InTheNamespace": false, "InAnother": true} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			config := settings(map[string]any{
				"loadBalancerConfig": map[string]any{"roundRobin": map[string]any{}},
				"circuitBreakers":    map[string]any{"maxRequests": int64(5)},
				"healthChecks":       []any{map[string]any{"timeout": "1s"}},
			})
			config.SetLabels(map[string]string{"team": "a", "tier": "web"})
			ref := &v1beta1.CrossNamespaceObjectReference{Kind: "Upstream", Name: "settings"}
			config.SetNamespace(b.Canary.Namespace)
			if elsewhere {
				ref.Namespace = testkit.NewNamespace(t, b.Direct)
				config.SetNamespace(ref.Namespace)
			}
			b.Canary.Spec.UpstreamRef = ref
			if err := b.Direct.Create(t.Context(), config); err != nil {
				t.Fatal(err)
			}
			b.Settle(rollout.Split(10))
			for _, made := range upstreamsOf(b) {
				want := map[string]any{
					"kube":               spec(made)["kube"],
					"loadBalancerConfig": map[string]any{"roundRobin": map[string]any{}},
					"circuitBreakers":    map[string]any{"maxRequests": int64(5)},
				}
				if diff := cmp.Diff(want, spec(made)); diff != "" || !cmp.Equal(map[string]string{"team": "a"}, made.GetLabels()) {
					t.Errorf("labels %v, spec (-want +got):\n%s", made.GetLabels(), diff)
				}
			}
			spec(config)["loadBalancerConfig"] = map[string]any{"random": map[string]any{}}
			delete(spec(config), "circuitBreakers")
			if err := b.Direct.Update(t.Context(), config); err != nil {
				t.Fatal(err)
			}
			b.Apply(rollout.Split(10), 2)
			b.Apply(rollout.Split(10), 0)
			b.Edit(upstreamKind, primarySide(b.Canary).upstream, func(u *unstructured.Unstructured) {
				spec(u)["useHttp2"] = true
			})
			b.Settle(rollout.Split(10))
			for _, made := range upstreamsOf(b) {
				want := map[string]any{"kube": spec(made)["kube"], "loadBalancerConfig": map[string]any{"random": map[string]any{}}}
				if diff := cmp.Diff(want, spec(made)); diff != "" {
					t.Errorf("edited spec (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// Without what an Upstream is made of nobody is sent to the canary, but users come back from it.
func TestWhatIsMissing(t *testing.T) {
	canarysService := service("podinfo-canary", "podinfo")
	for name, test := range map[string]struct {
		remove *unstructured.Unstructured
		want   string
	}{
		"TheReference": {
			remove: settings(nil),
			want:   "error creating flagger primary upstream: config upstream settings.NS get query error: spec.upstreamRef: not found",
		},
		"TheService": {
			remove: canarysService,
			want:   "error creating flagger canary upstream: service podinfo-canary.NS get query error: ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.Create(settings(nil), "kubectl")
			b.Canary.Spec.UpstreamRef = &v1beta1.CrossNamespaceObjectReference{Kind: "Upstream", Name: "settings"}
			b.Settle(rollout.Split(40))
			removed := b.Object(test.remove.GroupVersionKind(), test.remove.GetName())
			if err := b.Direct.Delete(t.Context(), removed); err != nil {
				t.Fatal(err)
			}
			refused := func(want rollout.Traffic) {
				t.Helper()
				err := b.Router.Apply(t.Context(), b.Canary, want)
				text := strings.ReplaceAll(test.want, "NS", b.Canary.Namespace)
				if err == nil || !strings.HasPrefix(err.Error(), text) {
					t.Errorf("got error %v, want %q", err, text)
				}
				if errors.Is(err, router.ErrInvalidSpec) {
					t.Error("nobody would try again, but what is missing may come")
				}
				if writes := b.Writes(); writes > 0 {
					t.Errorf("%d writes", writes)
				}
			}
			refused(rollout.Split(50))
			b.Apply(rollout.ToPrimary(), 1)
			refused(rollout.ToPrimary())
			refused(rollout.Split(10))
			b.Create(test.remove, "kubectl")
			b.Settle(rollout.Split(10))
		})
	}
}

func TestUpstreamsOfSomebodyElse(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*unstructured.Unstructured)
		want   string
	}{
		"AnotherController": {
			change: func(u *unstructured.Unstructured) {
				u.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "App", Name: "podinfo", UID: "1", Controller: new(true)}})
			},
			want: "is controlled by App podinfo",
		},
		"AnotherService": {
			change: func(u *unstructured.Unstructured) {
				spec(u)["kube"].(map[string]any)["serviceName"] = "theirs"
			},
			want: "exists and was not made for Service podinfo-canary of this canary",
		},
		"AnotherNamespace": {
			change: func(u *unstructured.Unstructured) {
				spec(u)["kube"].(map[string]any)["serviceNamespace"] = "theirs"
			},
			want: "exists and was not made for Service podinfo-canary of this canary",
		},
		"NoService": {
			change: func(u *unstructured.Unstructured) {
				u.Object["spec"] = upstreamOfSomebody("").Object["spec"]
			},
			want: "exists and was not made for Service podinfo-canary of this canary",
		},
		"AnotherCanary": {
			change: func(u *unstructured.Unstructured) {
				u.SetAnnotations(map[string]string{router.CreatorAnnotation: "another"})
			},
			want: "exists and was not made for Service podinfo-canary of this canary",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			taken := upstream(b.Canary, canarySide(b.Canary), nil, nil, nil).Object
			test.change(taken)
			b.Create(taken, "kubectl")
			before := b.Object(upstreamKind, taken.GetName()).GetResourceVersion()
			err := b.Router.Apply(t.Context(), b.Canary, rollout.ToPrimary())
			want := "error creating flagger canary upstream: Upstream " + taken.GetName() + "." + b.Canary.Namespace + " " + test.want
			if !errors.Is(err, router.ErrForeign) || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got error %v, want %q", err, want)
			}
			if b.Object(upstreamKind, taken.GetName()).GetResourceVersion() != before {
				t.Error("somebody else's Upstream was written")
			}
			if b.Find(tableKind, "podinfo") != nil {
				t.Error("traffic is led to it all the same")
			}
		})
	}
}

// An Upstream that has just appeared is not overwritten unseen.
func TestAnUpstreamThatJustAppeared(t *testing.T) {
	b := newBench(t)
	theirs := upstreamOfSomebody(primarySide(b.Canary).upstream)
	spec(theirs)["kube"] = map[string]any{"serviceName": "theirs"}
	b.Create(theirs, "kubectl")
	b.Deps.Client = lagging{Client: b.Deps.Client, hidden: theirs.GetName()}
	err := New(prefixes, b.Deps).Apply(t.Context(), b.Canary, rollout.ToPrimary())
	if !apierrors.IsConflict(err) || b.Find(tableKind, "podinfo") != nil {
		t.Errorf("got error %v, want a conflict, and no RouteTable that leads there", err)
	}
}

// lagging is a client whose cache does not have one object yet.
type lagging struct {
	client.Client
	hidden string
}

func (l lagging) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	if key.Name == l.hidden {
		key.Name += "-not-cached"
	}
	return l.Client.Get(ctx, key, obj, opts...)
}

// The Upstreams of another port are there before traffic is led to them, and those of the port before outlast that.
func TestAnotherPort(t *testing.T) {
	b := newBench(t)
	b.Settle(rollout.Split(40))
	former := upstreamsOf(b)
	theirs := upstreamOfSomebody(primarySide(b.Canary).stem + "7070")
	b.Create(theirs, "kubectl")
	b.Canary.Spec.Service.Port = 9898
	if got := b.Observe().Traffic; got != rollout.Split(40) {
		t.Errorf("before the new Upstreams are made, observed %+v", got)
	}
	b.Apply(rollout.Split(40), 3)
	for _, object := range former {
		if b.Find(upstreamKind, object.GetName()) == nil {
			t.Errorf("Upstream %s went before Gloo could see that nothing leads there", object.GetName())
		}
	}
	b.Apply(rollout.Split(40), 2)
	for _, object := range former {
		if b.Find(upstreamKind, object.GetName()) != nil {
			t.Errorf("Upstream %s was left behind", object.GetName())
		}
	}
	b.Apply(rollout.Split(40), 0)
	if b.Find(upstreamKind, theirs.GetName()) == nil {
		t.Error("somebody else's Upstream was removed")
	}
}

// The RouteTable of the former name still leads to its Upstreams.
func TestAnotherNameLeavesTheFormerObjects(t *testing.T) {
	b := newBench(t)
	b.Settle(rollout.Split(40))
	former := upstreamsOf(b)
	b.Canary.Spec.Service.Name = "shop"
	b.Create(service("shop-primary", "podinfo-primary"), "kubectl")
	b.Create(service("shop-canary", "podinfo"), "kubectl")
	b.Settle(rollout.Split(40))
	for _, object := range former {
		if b.Find(upstreamKind, object.GetName()) == nil {
			t.Errorf("Upstream %s is gone", object.GetName())
		}
	}
}
