package ingress

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

func canary(ref *v1beta1.LocalObjectReference) *v1beta1.Canary {
	c := &v1beta1.Canary{}
	c.Namespace = "test"
	c.Spec.IngressRef = ref
	return c
}

func reference() *v1beta1.LocalObjectReference {
	return &v1beta1.LocalObjectReference{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Name: "shop"}
}

func TestValidate(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		ref    *v1beta1.LocalObjectReference
		want   string // empty for a valid one
	}{
		"Complete": {reason: "It names an Ingress.", ref: reference()},
		"None":     {reason: "There is nothing to copy.", want: "spec.ingressRef: ingress selector is empty"},
		"NoName": {
			reason: "Any Ingress is none.", ref: &v1beta1.LocalObjectReference{Kind: "Ingress"},
			want: "spec.ingressRef: ingress selector is empty",
		},
		"AnotherKind": {
			reason: "What it names is no Ingress.", ref: &v1beta1.LocalObjectReference{Kind: "RouteGroup", Name: "shop"},
			want: `spec.ingressRef.kind: "RouteGroup" is not Ingress`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := Validate(canary(test.ref))
			if test.want == "" && err == nil {
				return
			}
			if !errors.Is(err, router.ErrInvalidSpec) || err.Error() != test.want {
				t.Errorf("%s Got error %v, want %q", test.reason, err, test.want)
			}
		})
	}
}

// path leads to a Service.
func path(at, service string) map[string]any {
	return map[string]any{"path": at, "backend": map[string]any{"service": map[string]any{"name": service}}}
}

// bucket leads to no Service.
func bucket() map[string]any {
	return map[string]any{"path": "/files", "backend": map[string]any{"resource": map[string]any{"name": "bucket"}}}
}

// shop has a rule with paths, one without and one with none of them.
func shop() *unstructured.Unstructured {
	source := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"unheardOf": "kept",
		"rules": []any{
			map[string]any{"host": "a.example.com", "http": map[string]any{"paths": []any{path("/", "podinfo"), bucket()}}},
			map[string]any{"host": "b.example.com"},
			map[string]any{"host": "c.example.com", "http": map[string]any{"paths": []any{}}},
			map[string]any{"host": "d.example.com", "http": map[string]any{"paths": []any{path("/api", "api")}}},
		},
	}}}
	source.SetGroupVersionKind(Kind)
	return source
}

func TestNames(t *testing.T) {
	c := canary(reference())
	if source, copied := SourceName(c), CopyName(c); source != "shop" || copied != "shop-canary" {
		t.Errorf("got %s, %s", source, copied)
	}
	if source := SourceName(canary(nil)); source != "" {
		t.Errorf("without a reference, got %s", source)
	}
}

func TestRedirect(t *testing.T) {
	object := shop()
	var seen []string
	Redirect(object, func(paths []any) []any {
		for _, one := range paths {
			seen = append(seen, ServiceName(one))
			PointTo(one, "other")
		}
		return append(paths, path("/new", "podinfo"))
	})
	if diff := cmp.Diff([]string{"podinfo", "", "api"}, seen); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
	want := shop()
	rules := want.Object["spec"].(map[string]any)["rules"].([]any)
	first, last := rules[0].(map[string]any), rules[3].(map[string]any)
	first["http"] = map[string]any{"paths": []any{path("/", "other"), bucket(), path("/new", "podinfo")}}
	last["http"] = map[string]any{"paths": []any{path("/api", "other"), path("/new", "podinfo")}}
	if diff := cmp.Diff(want.Object, object.Object); diff != "" {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
}

func TestLeadsTo(t *testing.T) {
	for service, want := range map[string]bool{"podinfo": true, "api": true, "bucket": false, "other": false} {
		if got := LeadsTo(shop(), service); got != want {
			t.Errorf("%s: got %t", service, got)
		}
	}
	if LeadsTo(&unstructured.Unstructured{Object: map[string]any{}}, "podinfo") {
		t.Error("an Ingress without a spec leads nowhere")
	}
}
