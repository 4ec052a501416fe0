package charts

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/testkit"
)

// Without the API server's own opinion, every other test of the standard would pass.
func TestTheRestrictedStandardIsEnforced(t *testing.T) {
	c := cluster(t)
	namespace := restrictedNamespace(t, c)
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "any", Image: "any"}}}}
	pod.Name, pod.Namespace = "any", namespace
	if err := c.Create(t.Context(), pod, client.DryRunAll); !apierrors.IsForbidden(err) {
		t.Errorf("a pod that may be root has to be refused: got %v", err)
	}
}

// Whatever else users set, the pods meet the restricted standard, unless they switch the security context itself off.
func TestPodsMeetTheRestrictedStandardInCombination(t *testing.T) {
	c := cluster(t)
	namespace, other := restrictedNamespace(t, c), testkit.NewNamespace(t, c)
	for chart, choices := range map[string][]choice{
		"flagger":    operatorChoices(namespace, other),
		"loadtester": testerChoices(),
	} {
		for i, values := range pairwise(withoutSecurityContext(choices)) {
			t.Run(chart+"/"+strconv.Itoa(i), func(t *testing.T) {
				r := release{chart: chart, name: "flagger", namespace: namespace, values: values}
				for _, deployment := range ofKind(render(t, r), "Deployment") {
					pod := podOf(t, deployment)
					if err := c.Create(t.Context(), pod, client.DryRunAll); err != nil && !isPriority(err) {
						t.Errorf("%s with %v: %v", deployment.GetName(), values, err)
					}
				}
			})
		}
	}
}

// withoutSecurityContext takes out of the choices what is about the security context.
func withoutSecurityContext(choices []choice) []choice {
	var rest []choice
	for _, of := range choices {
		of = slices.DeleteFunc(slices.Clone(of), func(way string) bool { return strings.Contains(way, "ecurityContext") })
		if len(of) > 0 {
			rest = append(rest, of)
		}
	}
	return rest
}

// isPriority tells that a pod was refused for its priority, which the standard is not about: this API server has none of the
// priority classes that a cluster has.
func isPriority(err error) bool { return strings.Contains(err.Error(), "PriorityClass") }
