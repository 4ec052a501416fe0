package routertest

import (
	"path/filepath"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/testkit"
)

// Provider is what the suite must know of a provider.
type Provider struct {
	Row router.Row
	// CRDs are the paths of the CRDs that the provider needs, StandIns those of CRDs of our own in the place of the
	// project's.
	CRDs, StandIns []string
	// Canary makes a canary whose traffic is shifted by weight; the bench fills in its namespace.
	Canary func() *v1beta1.Canary
	// Namespace is the canary's, where names of objects have it in them; empty for a new one for each test.
	Namespace string
	// Given are objects of the user that must be there before the first Apply; the bench creates copies of them in the
	// canary's namespace. If the routing object is one of them, the provider takes it over and never makes one.
	Given []*unstructured.Unstructured
	// Object is the name of the routing object that Apply makes.
	Object string
	// Damage changes a field of the routing object that belongs to the router.
	Damage func(object *unstructured.Unstructured)
	// Further are the other objects that Apply makes.
	Further []Object
	// Edit changes the canary's service, or an object of the user, so that the routing object must change too.
	Edit func(b *Bench)
	// Users makes a routing object of that name as a user would write it; nil where none is taken over.
	Users func() *unstructured.Unstructured
	// Refused are changes of the canary that the router must refuse, by what is wrong.
	Refused map[string]func(c *v1beta1.Canary)
}

// Object is one that Apply makes, and how to damage a field of it that belongs to the router.
type Object struct {
	Kind   schema.GroupVersionKind
	Name   string
	Damage func(object *unstructured.Unstructured)
}

// objects are all that Apply makes, the routing object first; a provider without one makes nothing.
func (p Provider) objects() []Object {
	if p.Row.Watch == nil {
		return nil
	}
	routing := Object{Kind: *p.Row.Watch, Name: p.Object, Damage: p.Damage}
	return append([]Object{routing}, p.Further...)
}

// crds are the paths of all CRDs, be they the project's or our own.
func (p Provider) crds() []string { return slices.Concat(p.CRDs, p.StandIns) }

// kinds are those of all objects that are there in a test.
func (p Provider) kinds() []schema.GroupVersionKind {
	var kinds []schema.GroupVersionKind
	for _, object := range p.objects() {
		kinds = append(kinds, object.Kind)
	}
	for _, object := range p.Given {
		kinds = append(kinds, object.GroupVersionKind())
	}
	return kinds
}

// borrows says whether the routing object is the user's at all times.
func (p Provider) borrows() bool {
	for _, object := range p.Given {
		if object.GroupVersionKind() == *p.Row.Watch && object.GetName() == p.Object {
			return true
		}
	}
	return false
}

// CRD is the path of a project's own CRD, which is kept beside the checkout; where it is not, the test is skipped.
func CRD(t *testing.T, file string) string {
	t.Helper()
	path, _ := beside(t, filepath.Join("crds", file))
	return path
}

// beside finds and reads a file of the folder shared beside the checkout; where it is not there, the test is skipped.
func beside(t *testing.T, file string) (path string, content []byte) {
	t.Helper()
	shared := filepath.Join("..", "shared", file)
	path = filepath.Join(testkit.Root(), shared)
	content, found := lookUp(t, path)
	if !found {
		t.Skipf("the file is not beside the checkout: %s", shared)
	}
	return path, content
}

// Canary shifts traffic of the Service podinfo, port 80, by weight.
func Canary() *v1beta1.Canary {
	c := &v1beta1.Canary{}
	c.Name, c.Namespace, c.UID = "podinfo", "test", uid
	c.Spec.TargetRef = v1beta1.LocalObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "podinfo"}
	c.Spec.Service.Port = 80
	c.Spec.Analysis = &v1beta1.CanaryAnalysis{Interval: "1m", Threshold: 5, StepWeight: 10}
	return c
}

// uid is the canary's, if it has no other.
const uid = "8a1f4c0e-0000-4000-8000-000000000001"
