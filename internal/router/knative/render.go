package knative

import (
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// whole is all of the traffic.
const whole rollout.Weight = 100

// textNoWeights is a text of the contract, which users see in events.
const textNoWeights = "Knative Service %s.%s traffic spec invalid: no valid weights"

// errOvertaken is why nobody is sent to the latest revision.
var errOvertaken = errors.New("its latest revision is not the one under analysis")

// render is service, which stays as it is, with its users divided between primary and canary as want says. It is a
// conflict if more of them than before were to go to a revision that the run of c is not about.
func render(c *v1beta1.Canary, service *unstructured.Unstructured, primary string, want rollout.Traffic) (*unstructured.Unstructured, error) {
	if want.Primary <= 0 && want.Canary <= 0 {
		return nil, fmt.Errorf(textNoWeights, service.GetName(), service.GetNamespace())
	}
	candidate, err := candidateOf(c, service, primary, want.Canary)
	if err != nil {
		return nil, err
	}
	annotations := service.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[primaryAnnotation] = primary
	routed := service.DeepCopy()
	routed.SetAnnotations(annotations)
	return routed, divide(routed, sides(primary, candidate, want))
}

// candidateOf is the revision that gets the share of the canary, and empty where nobody is to be told from the users
// of primary.
func candidateOf(c *v1beta1.Canary, service *unstructured.Unstructured, primary string, share rollout.Weight) (string, error) {
	newest := statusOf(service, latestCreated)
	switch {
	case share <= 0, newest == primary:
		return "", nil
	case newest != "" && isUnderAnalysis(c, newest):
		return newest, nil
	}
	if former := others(service, primary); former != "" && read(service, primary).Canary >= share {
		return former, nil
	}
	return "", apierrors.NewConflict(schema.GroupResource{Group: kind.Group, Resource: "services"}, service.GetName(), errOvertaken)
}

// sides are the entries for primary and for candidate, which is empty while all users are at primary.
func sides(primary, candidate string, want rollout.Traffic) []any {
	switch {
	case candidate == "":
		return []any{latest(0), pinned(primary, whole)}
	case want.Primary <= 0:
		return []any{pinned(candidate, whole)}
	}
	return []any{pinned(candidate, want.Canary), pinned(primary, want.Primary)}
}

// divide gives service the entries, ahead of those with a tag.
func divide(service *unstructured.Unstructured, list []any) error {
	return unstructured.SetNestedSlice(service.Object, append(list, tagged(service)...), "spec", "traffic")
}

// handBack is service as it is without a canary: all users are at the latest revision. It returns nil for one that was
// never taken over.
func handBack(service *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	annotations := service.GetAnnotations()
	if _, taken := annotations[primaryAnnotation]; !taken {
		return nil, nil
	}
	delete(annotations, primaryAnnotation)
	released := service.DeepCopy()
	released.SetAnnotations(annotations)
	return released, divide(released, []any{latest(whole)})
}
