//go:build linux

package story_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/story"
)

var begun = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

func now() time.Time { return begun }

// newObjects is a client of a cluster that holds nothing.
func newObjects(t *testing.T) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1beta1.AddToScheme, gatewayv1.Install} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return fake.NewClientBuilder().WithScheme(scheme).Build()
}

// follow returns the journal of an app and a client to change the app's objects with.
func follow(t *testing.T) (context.Context, *story.Journal, client.Client) {
	t.Helper()
	return followApp(t, story.App{Namespace: "demo"})
}

func followApp(t *testing.T, app story.App) (context.Context, *story.Journal, client.Client) {
	t.Helper()
	objects := newObjects(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	stage := story.NewStage(objects, now)
	journal, err := stage.Follow(ctx, app)
	if err != nil {
		t.Fatal(err)
	}
	return ctx, journal, objects
}

func meta(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "demo", Name: name} }

func deployment(name string, replicas int32, revision string) *appsv1.Deployment {
	d := &appsv1.Deployment{ObjectMeta: meta(name), Spec: appsv1.DeploymentSpec{Replicas: ptr.To(replicas)}}
	d.Annotations = map[string]string{"deployment.kubernetes.io/revision": revision}
	return d
}

func daemonSet(name string, wanted int32, revision string) *appsv1.DaemonSet {
	d := &appsv1.DaemonSet{ObjectMeta: meta(name), Status: appsv1.DaemonSetStatus{DesiredNumberScheduled: wanted}}
	d.Annotations = map[string]string{appsv1.DeprecatedTemplateGeneration: revision}
	return d
}

func route(weight int32) *gatewayv1.HTTPRoute {
	backend := func(name string, weight int32) gatewayv1.HTTPBackendRef {
		ref := gatewayv1.BackendObjectReference{Name: gatewayv1.ObjectName(name)}
		return gatewayv1.HTTPBackendRef{BackendRef: gatewayv1.BackendRef{BackendObjectReference: ref, Weight: ptr.To(weight)}}
	}
	everybody := gatewayv1.HTTPRouteRule{BackendRefs: []gatewayv1.HTTPBackendRef{
		backend("podinfo-primary", 100-weight), backend("podinfo-canary", weight),
	}}
	insiders := gatewayv1.HTTPRouteRule{BackendRefs: []gatewayv1.HTTPBackendRef{backend("podinfo-canary", 100)}}
	return &gatewayv1.HTTPRoute{ObjectMeta: meta("podinfo"), Spec: gatewayv1.HTTPRouteSpec{Rules: []gatewayv1.HTTPRouteRule{insiders, everybody}}}
}

// TestJournalFoldsObjectsIntoMoments changes one object after the other and waits for each to show.
func TestJournalFoldsObjectsIntoMoments(t *testing.T) {
	ctx, journal, objects := follow(t)
	canary := &v1beta1.Canary{ObjectMeta: meta("podinfo"), Status: v1beta1.CanaryStatus{Phase: v1beta1.PhaseProgressing}}
	event := &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "one", Annotations: map[string]string{"flagger.app/reason": "NewRevision"}},
		Type:       "Normal", Message: "New revision detected!",
		InvolvedObject: corev1.ObjectReference{Kind: "Canary", Name: "podinfo"},
	}
	changes := []struct {
		reason string
		change func() error
		shows  func(story.Moment) bool
	}{
		{
			reason: "The target's pods are counted.",
			change: func() error { return objects.Create(ctx, deployment("podinfo", 2, "1")) },
			shows:  func(m story.Moment) bool { return m.Target == story.Replicas{Wanted: 2, Revision: "1"} },
		},
		{
			reason: "The primary is another Deployment.",
			change: func() error { return objects.Create(ctx, deployment("podinfo-primary", 3, "7")) },
			shows: func(m story.Moment) bool {
				return m.Primary == story.Replicas{Wanted: 3, Revision: "7"} && m.Target.Wanted == 2
			},
		},
		{
			reason: "A DaemonSet has the pods that its controller wants.",
			change: func() error { return objects.Create(ctx, daemonSet("podinfo-primary", 5, "2")) },
			shows: func(m story.Moment) bool {
				return m.Primary == story.Replicas{Wanted: 5, Revision: "2"} && m.Target.Wanted == 2
			},
		},
		{
			reason: "The last rule is the one that everybody meets.",
			change: func() error { return objects.Create(ctx, route(25)) },
			shows:  func(m story.Moment) bool { return m.Routed && m.Weight == 25 },
		},
		{
			reason: "The status is the Canary's.",
			change: func() error { return objects.Create(ctx, canary) },
			shows:  story.In(v1beta1.PhaseProgressing),
		},
		{
			reason: "An event is told with its typed reason.",
			change: func() error { return objects.Create(ctx, event) },
			shows: func(m story.Moment) bool {
				return m.Said != nil && *m.Said == story.Saying{Type: "Normal", Message: "New revision detected!", Reason: "NewRevision"}
			},
		},
		{
			reason: "An event is one moment, not all that follow; a Deployment that is gone has no pods.",
			change: func() error { return objects.Delete(ctx, deployment("podinfo-primary", 3, "7")) },
			shows:  func(m story.Moment) bool { return m.Said == nil && m.Primary == story.Replicas{} && m.At.Equal(begun) },
		},
		{
			reason: "The end of the Canary shows.",
			change: func() error { return objects.Delete(ctx, canary) },
			shows:  func(m story.Moment) bool { return m.Gone },
		},
	}
	for _, step := range changes {
		mark := journal.Mark()
		if err := step.change(); err != nil {
			t.Fatal(err)
		}
		if _, err := journal.Await(ctx, mark, step.shows); err != nil {
			t.Fatalf("%s: %v\n%s", step.reason, err, story.Narrate(journal.Since(0), begun))
		}
	}
	if got := len(journal.Since(0)); got != len(changes) {
		t.Errorf("%d moments, want one per change, which are %d", got, len(changes))
	}
}

func TestEventsOfOthersAreNoMoments(t *testing.T) {
	ctx, journal, objects := follow(t)
	others := &corev1.Event{ObjectMeta: meta("two"), Message: "Created pod", InvolvedObject: corev1.ObjectReference{Kind: "ReplicaSet"}}
	ours := &corev1.Event{ObjectMeta: meta("three"), Message: "Advance", InvolvedObject: corev1.ObjectReference{Kind: "Canary"}}
	for _, event := range []*corev1.Event{others, ours} {
		if err := objects.Create(ctx, event); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := journal.Await(ctx, 0, story.Heard("Advance")); err != nil {
		t.Fatal(err)
	}
	if got := len(journal.Since(0)); got != 1 {
		t.Errorf("%d moments, want the Canary's event alone", got)
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	ctx, journal, _ := follow(t)
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(ctx)
	cancel(cause)
	if _, err := journal.Await(ctx, 0, func(story.Moment) bool { return true }); !errors.Is(err, cause) {
		t.Errorf("got %v, want the context's own cause", err)
	}
}

func TestSinceAMarkToCome(t *testing.T) {
	_, journal, _ := follow(t)
	if diff := cmp.Diff(0, len(journal.Since(5))); diff != "" {
		t.Errorf("nothing has happened yet (-want +got):\n%s", diff)
	}
}
