//go:build linux

package story_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/test/story"
)

// stageWith is a stage with an app on it that nothing runs.
func stageWith(t *testing.T, app story.App) *story.Stage {
	t.Helper()
	stage := story.NewStage(newObjects(t), now)
	if err := stage.Deploy(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	return stage
}

func TestReleaseChangesTheImageAlone(t *testing.T) {
	tests := map[string]struct {
		reason   string
		kind     story.Kind
		workload client.Object
		template func(client.Object) corev1.PodTemplateSpec
	}{
		"Deployment": {
			reason:   "An app is a Deployment unless it says otherwise.",
			workload: &appsv1.Deployment{},
			template: func(o client.Object) corev1.PodTemplateSpec { return o.(*appsv1.Deployment).Spec.Template },
		},
		"DaemonSet": {
			reason:   "A DaemonSet is released like a Deployment.",
			kind:     story.DaemonSet,
			workload: &appsv1.DaemonSet{},
			template: func(o client.Object) corev1.PodTemplateSpec { return o.(*appsv1.DaemonSet).Spec.Template },
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			app := story.App{Namespace: "demo", Kind: test.kind, Version: "1.0.0"}
			stage := stageWith(t, app)
			if err := stage.Client.Get(t.Context(), app.Key(), test.workload); err != nil {
				t.Fatal(err)
			}
			want := test.template(test.workload)
			want.Spec.Containers[0].Image = story.Image + ":1.0.1"

			sent, err := stage.Release(t.Context(), app, "1.0.1")
			if err != nil {
				t.Fatal(err)
			}
			if err := stage.Client.Get(t.Context(), app.Key(), test.workload); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, test.template(test.workload)); diff != "" || !sent.Equal(begun) {
				t.Errorf("%s Sent at %s (-want +got):\n%s", test.reason, sent, diff)
			}
			if got := app.NewCanary().Spec.TargetRef.Kind; got != name {
				t.Errorf("%s The Canary's target is a %s.", test.reason, got)
			}
		})
	}
}

func TestConfigureLeavesTheWorkloadAlone(t *testing.T) {
	app := story.App{Namespace: "demo", Version: "1.0.0", Config: "blue"}
	stage := stageWith(t, app)
	before, after := &appsv1.Deployment{}, &appsv1.Deployment{}
	if err := stage.Client.Get(t.Context(), app.Key(), before); err != nil {
		t.Fatal(err)
	}
	if _, err := stage.Configure(t.Context(), app, "green"); err != nil {
		t.Fatal(err)
	}
	if err := stage.Client.Get(t.Context(), app.Key(), after); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the Deployment has changed (-before +after):\n%s", diff)
	}
	source := before.Spec.Template.Spec.Containers[0].Env[0].ValueFrom.ConfigMapKeyRef
	config := &corev1.ConfigMap{}
	if err := stage.Client.Get(t.Context(), client.ObjectKey{Namespace: "demo", Name: source.Name}, config); err != nil {
		t.Fatal(err)
	}
	if got := config.Data[source.Key]; got != "green" {
		t.Errorf("the pods would start with %q, want the new value", got)
	}
}

func TestAppWithoutConfigReadsNone(t *testing.T) {
	app := story.App{Namespace: "demo", Version: "1.0.0"}
	stage := stageWith(t, app)
	if _, err := stage.Configure(t.Context(), app, "green"); err == nil {
		t.Error("there is a ConfigMap that no pod reads")
	}
	if got := app.Answer(); got != "1.0.0" {
		t.Errorf("its pods answer %q, want the image tag alone", got)
	}
}
