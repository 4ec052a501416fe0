package router_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/internal/router"
)

func TestReadStatus(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		status any
		want   router.Status
		fails  bool
	}{
		"Complete": {
			reason: "Fields that nobody asked for do no harm.",
			status: map[string]any{
				"observedGeneration": int64(3), "ready": true,
				"conditions": []any{map[string]any{"type": "Ready", "status": "True"}},
			},
			want: router.Status{ObservedGeneration: 3, Conditions: []metav1.Condition{{Type: "Ready", Status: metav1.ConditionTrue}}},
		},
		"Nothing": {reason: "A controller that has not answered has no status."},
		"NoList":  {reason: "What cannot be read is no answer.", status: map[string]any{"conditions": "none"}, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			object := route(nil)
			if test.status != nil {
				object.Object["status"] = test.status
			}
			got, err := router.ReadStatus(object)
			if diff := cmp.Diff(test.want, got); diff != "" || (err != nil) != test.fails {
				t.Errorf("%s Got error %v, status (-want +got):\n%s", test.reason, err, diff)
			}
		})
	}
}
