package router_test

import (
	"errors"
	"strings"
	"testing"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/gatewayapi"
	"flagger.app/flagger/internal/router/kubernetes"
)

func rows() []router.Row {
	return []router.Row{kubernetes.Row(), gatewayapi.Row(gatewayapi.V1), gatewayapi.Row(gatewayapi.V1beta1)}
}

func TestLookup(t *testing.T) {
	registry := router.NewRegistry(rows())
	for name, test := range map[string]struct {
		reason string
		want   string // empty for an unknown provider
	}{
		"kubernetes":          {reason: "An exact name is found.", want: "kubernetes"},
		"gatewayapi:v1":       {reason: "An exact name is found.", want: "gatewayapi:v1"},
		"gatewayapi:v1beta1":  {reason: "The longer of two names is not taken for the shorter.", want: "gatewayapi:v1beta1"},
		"gatewayapi":          {reason: "The bare name means the stable version.", want: "gatewayapi:v1"},
		"gatewayapi:v1alpha2": {reason: "A prefix is not a name."},
		"gatewayapi:v1:istio": {reason: "A prefix is not a name."},
		"Kubernetes":          {reason: "Names are spelled as documented."},
		"istoi":               {reason: "A slip of the pen must not write somebody else's objects."},
		"":                    {reason: "No name is not a name."},
	} {
		t.Run(name, func(t *testing.T) {
			row, err := registry.Lookup(name)
			if test.want == "" {
				const known = "gatewayapi:v1, gatewayapi:v1beta1, kubernetes"
				if !errors.Is(err, router.ErrUnknownProvider) || !strings.HasSuffix(err.Error(), known) {
					t.Errorf("%s Got error %v, want one that lists %s", test.reason, err, known)
				}
				return
			}
			if err != nil || row.Provider != test.want {
				t.Errorf("%s Got %q, %v, want %q", test.reason, row.Provider, err, test.want)
			}
		})
	}
}

func TestARowIsComplete(t *testing.T) {
	for _, row := range rows() {
		if (row.Watch != nil) != row.Capabilities.Routes {
			t.Errorf("%s: routes %t, but watches %v", row.Provider, row.Capabilities.Routes, row.Watch)
		}
		if row.New(router.Deps{}) == nil {
			t.Errorf("%s: New made no router", row.Provider)
		}
	}
}

func TestTwoRowsOfOneNamePanic(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("the second row took the place of the first")
		}
	}()
	router.NewRegistry([]router.Row{{Provider: "nginx"}, {Provider: "other", Aliases: []string{"nginx"}}})
}

func TestClaim(t *testing.T) {
	c, other := &v1beta1.Canary{}, &v1beta1.Canary{}
	c.Name, c.UID = "podinfo", "1"
	other.Name, other.UID = "podinfo", "2"
	for name, deps := range map[string]router.Deps{"ByReference": {Owned: true}, "ByAnnotation": {}} {
		t.Run(name, func(t *testing.T) {
			object := &v1beta1.Canary{}
			if deps.Claimed(c, object) {
				t.Error("what nobody claimed is claimed")
			}
			deps.Claim(c, object)
			if !deps.Claimed(c, object) {
				t.Error("what was claimed is not")
			}
			if deps.Claimed(other, object) {
				t.Error("a canary made again under the same name owns what its predecessor made")
			}
		})
	}
}

func TestInvalidSpecKeepsText(t *testing.T) {
	cause := errors.New("GatewayRefs must be specified")
	err := router.InvalidSpec(cause)
	if !errors.Is(err, router.ErrInvalidSpec) || !errors.Is(err, cause) || err.Error() != cause.Error() {
		t.Errorf("got %v", err)
	}
	if err := router.InvalidSpec(nil); err != nil {
		t.Errorf("nothing is invalid, but got %v", err)
	}
}
