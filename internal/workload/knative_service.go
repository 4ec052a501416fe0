package workload

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"flagger.app/flagger/internal/rollout"
)

// primaryRevisionAnnotation names, on a Knative Service, the revision that serves.
const primaryRevisionAnnotation = "flagger.app/primary-revision"

// knativeRevision identifies a revision by its name, which stands for a template that never changes. The router of
// Knative relies on it.
func knativeRevision(name string) string {
	return rollout.Fingerprint(map[string]string{"latestCreatedRevisionName": name})
}

// knativeFields are those of a Knative Service that matter; a Revision has the conditions of them.
type knativeFields struct {
	Spec struct {
		Traffic []struct {
			RevisionName string `json:"revisionName"`
			Percent      int64  `json:"percent"`
		} `json:"traffic"`
	} `json:"spec"`
	Status struct {
		ObservedGeneration int64              `json:"observedGeneration"`
		Conditions         []metav1.Condition `json:"conditions"`
		Created            string             `json:"latestCreatedRevisionName"`
		Ready              string             `json:"latestReadyRevisionName"`
	} `json:"status"`
}

func knativeFieldsOf(object *unstructured.Unstructured) (knativeFields, error) {
	var fields knativeFields
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &fields); err != nil {
		return fields, fmt.Errorf("read Knative %s %s.%s: %w", object.GetKind(), object.GetName(), object.GetNamespace(), err)
	}
	return fields, nil
}

func (f knativeFields) isTrue(condition string) bool {
	return meta.IsStatusConditionTrue(f.Status.Conditions, condition)
}

// cause is what Knative says of a condition that is False, or empty.
func (f knativeFields) cause(condition string) string {
	found := meta.FindStatusCondition(f.Status.Conditions, condition)
	if found == nil || found.Status != metav1.ConditionFalse {
		return ""
	}
	return found.Message
}

// knativeService is one as it is stored, with its fields.
type knativeService struct {
	*unstructured.Unstructured
	knativeFields
}

// String names the Service in errors.
func (s knativeService) String() string {
	return fmt.Sprintf("Knative Service %s.%s", s.GetName(), s.GetNamespace())
}

// primary is the name of the revision that serves, empty for none.
func (s knativeService) primary() string { return s.GetAnnotations()[primaryRevisionAnnotation] }

// failure is why the latest revision is not ready, if Knative has an answer.
func (s knativeService) failure() string { return s.cause("ConfigurationsReady") }

// latest is the name of the revision that Knative made last. There is none for a moment after the Service was created,
// and none at all, which is ErrInvalidTarget, if Knative cannot make one.
func (s knativeService) latest() (string, error) {
	switch cause := s.failure(); {
	case s.Status.Created != "":
		return s.Status.Created, nil
	case cause != "":
		return "", marked{error: fmt.Errorf("%s has no revision: %s", s, cause), mark: ErrInvalidTarget}
	}
	return "", fmt.Errorf("%s: %w", s, errNoRevision)
}

// errNoRevision is mended by Knative in a moment.
var errNoRevision = errors.New("no revision has been made yet")

// routesTo says whether the traffic block names the revision and Knative has carried the block out, which it does only
// if all revisions in it are ready.
func (s knativeService) routesTo(revision string) bool {
	if s.Status.ObservedGeneration < s.GetGeneration() || !s.isTrue("RoutesReady") {
		return false
	}
	for _, entry := range s.Spec.Traffic {
		if entry.RevisionName == revision {
			return true
		}
	}
	return false
}

// takeable returns an error if the Service has no primary yet and may not get the latest revision for one.
func (s knativeService) takeable(latest string) error {
	if s.primary() != "" {
		return nil
	}
	if controller := metav1.GetControllerOf(s); controller != nil {
		return fmt.Errorf("%s is controlled by %s %s: %w", s, controller.Kind, controller.Name, ErrForeign)
	}
	for i, entry := range s.Spec.Traffic {
		if entry.Percent > 0 && !slices.Contains([]string{"", latest}, entry.RevisionName) {
			err := fmt.Errorf("%s: spec.traffic[%d] sends users to %s and not to the latest revision, %s: send them there, or name in the annotation %s who serves",
				s, i, entry.RevisionName, latest, primaryRevisionAnnotation)
			return marked{error: err, mark: ErrInvalidTarget}
		}
	}
	return nil
}

// unready is a revision that cannot serve yet. cause is why it failed, or empty. Knative never gives up on one, so the
// deadline counts from when it was first seen.
func unready(name, namespace, cause string, deadline time.Duration) rollout.Workload {
	reason := fmt.Sprintf(textRevisionUnready, name, namespace)
	if cause != "" {
		reason += ": " + cause
	}
	return rollout.Workload{
		Exists:      true,
		Revision:    knativeRevision(name),
		Reason:      reason,
		Replicas:    1,
		Limit:       deadline,
		StuckReason: fmt.Sprintf("%s: exceeded its progressDeadlineSeconds: %d", reason, deadline/time.Second),
	}
}
