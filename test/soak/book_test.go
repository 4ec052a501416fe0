//go:build linux

package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
)

var app = types.NamespacedName{Namespace: "soak-00", Name: "app-0001"}

// opened is a book of one app whose clock goes on a second with every look.
func opened(t *testing.T) *book {
	now := at(0)
	return newBook([]types.NamespacedName{app}, func() time.Time {
		now = now.Add(time.Second)
		return now
	}, func(err error) { t.Error(err) })
}

func objectMeta(suffix string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: app.Namespace, Name: app.Name + suffix}
}

func workloadOf(suffix, tag string) client.Object {
	d := &appsv1.Deployment{ObjectMeta: objectMeta(suffix)}
	d.Spec.Template.Spec.Containers = []corev1.Container{{Image: "ghcr.io/stefanprodan/podinfo:" + tag}}
	return d
}

func configOf(suffix, value string) client.Object {
	return &corev1.ConfigMap{ObjectMeta: objectMeta(suffix), Data: map[string]string{"value": value}}
}

func TestBookKeepsWhatChanges(t *testing.T) {
	b := opened(t)
	status := v1beta1.CanaryStatus{Phase: v1beta1.PhaseInitialized, LastAppliedSpec: "h1:1", LastPromotedSpec: "h1:0"}
	for _, o := range []client.Object{
		workloadOf("", "1.0.1"), workloadOf(primarySuffix, "1.0.0"), configOf(primarySuffix, "blue"),
		&v1beta1.Canary{ObjectMeta: objectMeta(""), Status: status}, &v1beta1.Canary{ObjectMeta: objectMeta(""), Status: status},
		configOf("", "green"), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "kube-root-ca.crt"}},
	} {
		b.note(o)
	}
	h := b.histories[app]
	if len(h.moments) != 4 {
		t.Fatalf("what changes nothing, and is nobody's, is no moment, got %d", len(h.moments))
	}
	got := h.moments[3]
	if got.revision == "" {
		t.Error("the target's revision is computed")
	}
	got.revision = ""
	want := moment{at: at(4), phase: v1beta1.PhaseInitialized, applied: "h1:1", promoted: "h1:0", primary: content{tag: "1.0.0", config: "blue"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(moment{}, content{})); diff != "" {
		t.Errorf("a moment is all that was seen (-want +got):\n%s", diff)
	}
}

func TestMetricsFailWhileTheLastReleaseIsBad(t *testing.T) {
	b := opened(t)
	failing := func() bool { return b.isFailing(`rate(x{pod=~"app-0001-[0-9a-zA-Z]+-[0-9a-zA-Z]+"}[1m])`) }
	if b.push(app, first); failing() {
		t.Error("a good release passes")
	}
	if before := b.push(app, broken); before != first || !failing() {
		t.Errorf("a bad one fails before anybody can see it, after %s", before)
	}
	b.pushed(app)
	if b.push(app, second); !failing() {
		t.Error("it fails until it is replaced")
	}
	if b.pushed(app); failing() || b.isFailing("vector(2)") {
		t.Error("and not any more from then on, nor does anything else")
	}
}

func TestResting(t *testing.T) {
	b := opened(t)
	b.push(app, first)
	b.histories[app].moments = []moment{seen(at(2), v1beta1.PhaseInitialized, first, first)}
	if got := b.resting(); got != 1 {
		t.Errorf("who has what was pushed rests, got %d", got)
	}
	if b.push(app, second); b.resting() != 0 {
		t.Error("who has not does not, noticed or not")
	}
	if end, took := b.ends(); end.Superseded != 1 || len(took) != 0 {
		t.Errorf("got %+v, %v", end, took)
	}
	if found := b.check(limits{bound: time.Second, grace: time.Second}); len(found) != 1 || found[0].Canary != app.String() {
		t.Errorf("findings name the canary, got %v", found)
	}
}
