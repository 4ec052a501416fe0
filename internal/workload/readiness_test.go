package workload

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/internal/rollout"
)

// pods are the numbers in the status of a Deployment.
type pods struct{ wanted, all, updated, available int32 }

func deploymentWith(p pods, conditions ...appsv1.DeploymentCondition) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "podinfo", Generation: 3},
		Spec:       appsv1.DeploymentSpec{Replicas: &p.wanted},
		Status: appsv1.DeploymentStatus{
			ObservedGeneration: 3,
			Replicas:           p.all,
			UpdatedReplicas:    p.updated,
			AvailableReplicas:  p.available,
			Conditions:         conditions,
		},
	}
}

func TestReadiness(t *testing.T) {
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	progressing := appsv1.DeploymentCondition{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue}
	begun := progressing
	begun.LastUpdateTime = metav1.NewTime(since.Add(time.Minute))
	overdue := appsv1.DeploymentCondition{Type: appsv1.DeploymentProgressing, Reason: "ProgressDeadlineExceeded"}
	unavailable := appsv1.DeploymentCondition{
		Type: appsv1.DeploymentAvailable, Status: corev1.ConditionFalse, Reason: "MinimumReplicasUnavailable",
		LastUpdateTime: metav1.NewTime(since),
	}
	enough := appsv1.DeploymentCondition{
		Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, LastUpdateTime: metav1.NewTime(since),
	}
	unseen := deploymentWith(pods{2, 2, 2, 2}, overdue)
	unseen.Generation = 4
	undefaulted := deploymentWith(pods{0, 1, 1, 1})
	undefaulted.Spec.Replicas = nil

	const waiting = "waiting for rollout to finish: "
	cases := map[string]struct {
		reason  string
		in      *appsv1.Deployment
		percent int
		want    finding
	}{
		"AllAvailable": {
			reason: "Every pod is of the present revision and available.",
			in:     deploymentWith(pods{2, 2, 2, 2}), percent: 100,
			want: finding{readiness: rollout.Ready},
		},
		"UnsetReplicasAreOne": {
			reason: "A Deployment that names no number has one pod, not none.",
			in:     undefaulted, percent: 100,
			want: finding{readiness: rollout.Ready},
		},
		"GenerationNotSeen": {
			reason: "The status, overdue or not, speaks of an earlier spec.",
			in:     unseen, percent: 100,
			want: finding{reason: waiting + "observed deployment generation less than desired generation"},
		},
		"DeadlineExceeded": {
			reason: "Kubernetes itself has given up.",
			in:     deploymentWith(pods{2, 2, 2, 2}, overdue), percent: 100,
			want: finding{readiness: rollout.Stuck, reason: `deployment "podinfo" exceeded its progress deadline`},
		},
		"ScaledToZero": {
			reason: "Nobody serves, so it cannot take traffic, however complete its rollout is.",
			in:     deploymentWith(pods{}), percent: 100,
			want: finding{reason: waiting + "the deployment is scaled to zero replicas"},
		},
		"ScaledToZeroAfterADeadline": {
			reason: "A rollout of no pods cannot be stuck; what is left of the last one does not count.",
			in:     deploymentWith(pods{}, overdue), percent: 100,
			want: finding{reason: waiting + "the deployment is scaled to zero replicas"},
		},
		"NotYetUpdated": {
			reason: "Some pods of the present revision have not been made.",
			in:     deploymentWith(pods{wanted: 3, all: 3, updated: 1, available: 3}), percent: 100,
			want: finding{reason: waiting + "1 out of 3 new replicas have been updated"},
		},
		"OldOnesLeft": {
			reason: "Old pods would answer a part of the requests.",
			in:     deploymentWith(pods{wanted: 2, all: 5, updated: 2, available: 5}), percent: 100,
			want: finding{reason: waiting + "3 old replicas are pending termination"},
		},
		"NotAvailable": {
			reason: "All must be available unless the spec says otherwise.",
			in:     deploymentWith(pods{wanted: 4, all: 4, updated: 4, available: 3}), percent: 100,
			want: finding{reason: waiting + "3 of 4 (readyThreshold 100%) updated replicas are available"},
		},
		"ThresholdReached": {
			reason: "Three of four are three quarters.",
			in:     deploymentWith(pods{wanted: 4, all: 4, updated: 4, available: 3}), percent: 75,
			want: finding{readiness: rollout.Ready},
		},
		"ThresholdRoundsUp": {
			reason: "Half of three is two: one pod is less than half.",
			in:     deploymentWith(pods{wanted: 3, all: 3, updated: 3, available: 1}), percent: 50,
			want: finding{reason: waiting + "1 of 2 (readyThreshold 50%) updated replicas are available"},
		},
		"SmallThresholdOfOnePod": {
			reason: "Rounding down made half of one pod none, and a dead workload ready.",
			in:     deploymentWith(pods{wanted: 1, all: 1, updated: 1}), percent: 50,
			want: finding{reason: waiting + "0 of 1 (readyThreshold 50%) updated replicas are available"},
		},
		"ThresholdOfZero": {
			reason: "Traffic needs at least one pod, whatever the threshold.",
			in:     deploymentWith(pods{wanted: 2, all: 2, updated: 2}), percent: 0,
			want: finding{reason: waiting + "0 of 1 (readyThreshold 0%) updated replicas are available"},
		},
		"UnavailableHasADeadline": {
			reason: "Too few pods for as long as the spec allows is not going to mend itself.",
			in:     deploymentWith(pods{wanted: 2, all: 2, updated: 2}, progressing, unavailable), percent: 100,
			want: finding{
				reason: waiting + "0 of 2 (readyThreshold 100%) updated replicas are available",
				until:  since.Add(time.Minute),
			},
		},
		"UnavailableSinceBeforeTheTemplate": {
			reason: "Pods of before have been unavailable all along; those of the new template have their own time.",
			in:     deploymentWith(pods{wanted: 2, all: 2, updated: 2}, begun, unavailable), percent: 100,
			want: finding{
				reason: waiting + "0 of 2 (readyThreshold 100%) updated replicas are available",
				until:  since.Add(2 * time.Minute),
			},
		},
		"UnavailableWithoutProgress": {
			reason: "Kubernetes tracks no progress of this Deployment, so there is nothing to be late for.",
			in:     deploymentWith(pods{wanted: 2, all: 2, updated: 2}, unavailable), percent: 100,
			want: finding{reason: waiting + "0 of 2 (readyThreshold 100%) updated replicas are available"},
		},
		"ShortButMinimallyAvailable": {
			reason: "Kubernetes holds it available, so it may take its time to our threshold.",
			in:     deploymentWith(pods{wanted: 2, all: 2, updated: 2, available: 1}, progressing, enough), percent: 100,
			want: finding{reason: waiting + "1 of 2 (readyThreshold 100%) updated replicas are available"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := deployments{}.judge(tc.in, bar{percent: tc.percent, deadline: time.Minute})
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(finding{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
