package rollout

import (
	"reflect"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
)

// full is a status that says something in every field.
func full() v1beta1.CanaryStatus {
	moment := metav1.Time{Time: now}
	value := 1.0
	return v1beta1.CanaryStatus{
		Phase: inRun, FailedChecks: 1, CanaryWeight: 2, Iterations: 3, PreviousSessionAffinityCookie: "a",
		SessionAffinityCookie: "b", PrimarySessionAffinityCookie: "c", TrackedConfigs: &map[string]string{"configmap/app": "1"},
		LastAppliedSpec: revA, LastPromotedSpec: revB, LastPromotedConfigs: "h1:c", LastPromotedReplicas: 2, LastTransitionTime: moment,
		Conditions: []v1beta1.CanaryCondition{{
			Type: "Ready", Status: "True", LastUpdateTime: moment, LastTransitionTime: moment, Reason: "a", Message: "b", ObservedGeneration: 1,
		}},
		ObservedGeneration: 1, LastAnalysisTime: ago(0), LastRouteTime: ago(0),
		Checks: []v1beta1.CheckResult{{
			Name: "a", Kind: "b", Verdict: "Pass", Value: &value, Min: &value, Max: &value, Message: "c", Time: moment,
		}},
	}
}

// TestSameStatus changes one field after the other: a field that a comparison forgets would never be written.
func TestSameStatus(t *testing.T) {
	if !SameStatus(full(), full()) || !SameStatus(v1beta1.CanaryStatus{}, v1beta1.CanaryStatus{}) {
		t.Error("a status is the same as itself")
	}
	var visit func(at reflect.Value, path string, whole v1beta1.CanaryStatus, status *v1beta1.CanaryStatus)
	visit = func(at reflect.Value, path string, whole v1beta1.CanaryStatus, status *v1beta1.CanaryStatus) {
		_, moment := at.Interface().(metav1.Time)
		_, micro := at.Interface().(metav1.MicroTime)
		switch {
		case !moment && !micro && at.Kind() == reflect.Struct:
			for i := range at.NumField() {
				visit(at.Field(i), path+"."+at.Type().Field(i).Name, whole, status)
			}
			return
		case at.Kind() == reflect.Slice:
			visit(at.Index(0), path, whole, status)
		case at.Kind() == reflect.Pointer && at.Elem().Kind() != reflect.Map:
			visit(at.Elem(), path, whole, status)
		}
		if at.IsZero() {
			t.Errorf("%s says nothing, so nothing can be told of it", path)
		}
		before := reflect.New(at.Type()).Elem()
		before.Set(at)
		at.SetZero()
		if SameStatus(whole, *status) {
			t.Errorf("%s does not count", path)
		}
		at.Set(before)
	}
	status := full()
	visit(reflect.ValueOf(&status).Elem(), "status", full(), &status)

	elsewhere := full()
	elsewhere.LastTransitionTime = metav1.Time{Time: now.In(time.FixedZone("elsewhere", 3600))}
	if !SameStatus(full(), elsewhere) {
		t.Error("a moment is the same in every zone")
	}
}
