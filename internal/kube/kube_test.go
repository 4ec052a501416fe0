package kube_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
)

func TestOwnership(t *testing.T) {
	c, successor, owned := &v1beta1.Canary{}, &v1beta1.Canary{}, &v1beta1.Canary{}
	c.Name, c.UID = "podinfo", "1"
	successor.Name, successor.UID = "podinfo", "2"
	owned.SetOwnerReferences([]metav1.OwnerReference{kube.OwnerReference(c)})

	want := metav1.OwnerReference{
		APIVersion: "flagger.app/v1beta1", Kind: "Canary", Name: "podinfo", UID: "1",
		Controller: new(true), BlockOwnerDeletion: new(true),
	}
	if diff := cmp.Diff(want, owned.OwnerReferences[0]); diff != "" {
		t.Errorf("owner reference (-want +got):\n%s", diff)
	}
	if !kube.IsOwned(c, owned) {
		t.Error("the canary does not own what refers to it")
	}
	if kube.IsOwned(successor, owned) {
		t.Error("a canary made again under the same name owns what its predecessor made")
	}
	owned.OwnerReferences[0].Controller = nil
	if kube.IsOwned(c, owned) {
		t.Error("an owner that is not the controller may be one of many")
	}
}

func TestGuardedWinsAndCopies(t *testing.T) {
	annotations := map[string]string{"helm.toolkit.fluxcd.io/driftDetection": "enabled", "example.com/a": "1"}
	want := map[string]string{
		"helm.toolkit.fluxcd.io/driftDetection": "disabled",
		"kustomize.toolkit.fluxcd.io/reconcile": "disabled",
		"example.com/a":                         "1",
	}
	if diff := cmp.Diff(want, kube.Guarded(annotations)); diff != "" {
		t.Errorf("guarded (-want +got):\n%s", diff)
	}
	if len(annotations) != 2 || annotations["helm.toolkit.fluxcd.io/driftDetection"] != "enabled" {
		t.Errorf("the spec's own map was changed: %v", annotations)
	}
	if diff := cmp.Diff(kube.Guards, kube.Guarded(nil)); diff != "" {
		t.Errorf("guarded nothing (-want +got):\n%s", diff)
	}
}

func TestWithoutTracking(t *testing.T) {
	kept := map[string]string{
		"app":                          "podinfo",
		"app.kubernetes.io/name":       "podinfo",
		"example.com/argocd":           "1",
		"toolkit.fluxcd.io":            "no domain",
		"nginx.ingress.kubernetes.io/": "1",
	}
	metadata := map[string]string{
		"kubectl.kubernetes.io/last-applied-configuration": "{}",
		"app.kubernetes.io/instance":                       "podinfo",
		"argocd.argoproj.io/tracking-id":                   "1",
		"meta.helm.sh/release-name":                        "podinfo",
		"kustomize.toolkit.fluxcd.io/name":                 "apps",
		"helm.toolkit.fluxcd.io/namespace":                 "flux-system",
	}
	for key, value := range kept {
		metadata[key] = value
	}
	if diff := cmp.Diff(kept, kube.WithoutTracking(metadata)); diff != "" {
		t.Errorf("without tracking (-want +got):\n%s", diff)
	}
	if len(metadata) != len(kept)+6 {
		t.Error("the source's own map was changed")
	}
}

func TestNameCRD(t *testing.T) {
	kind := schema.GroupVersionKind{Group: "traefik.io", Version: "v1alpha1", Kind: "TraefikService"}
	missing := &meta.NoKindMatchError{GroupKind: kind.GroupKind(), SearchedVersions: []string{kind.Version}}
	err := kube.NameCRD(missing, kind)
	if !meta.IsNoMatchError(err) || !strings.HasPrefix(err.Error(), "the CRD of TraefikService in traefik.io/v1alpha1 is not installed") {
		t.Errorf("got %v", err)
	}
	other := errors.New("connection refused")
	if err := kube.NameCRD(other, kind); !errors.Is(err, other) || err.Error() != other.Error() {
		t.Errorf("another error became %v", err)
	}
	if err := kube.NameCRD(nil, kind); err != nil {
		t.Errorf("no error became %v", err)
	}
}

func TestIgnoreMissingCRD(t *testing.T) {
	kind := schema.GroupVersionKind{Group: "traefik.io", Version: "v1alpha1", Kind: "TraefikService"}
	missing := &meta.NoKindMatchError{GroupKind: kind.GroupKind(), SearchedVersions: []string{kind.Version}}
	if err := kube.IgnoreMissingCRD(kube.NameCRD(missing, kind)); err != nil {
		t.Errorf("a missing CRD remained %v", err)
	}
	other := errors.New("connection refused")
	if err := kube.IgnoreMissingCRD(other); !errors.Is(err, other) {
		t.Errorf("another error became %v", err)
	}
}
