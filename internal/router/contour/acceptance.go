package contour

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// orphaned is Contour's word for an HTTPProxy that no root includes.
const orphaned = "orphaned"

// acceptance says what Contour has made of proxy, and why it is not taken. An orphan has no requests, so that all it
// asks for holds.
func acceptance(proxy *unstructured.Unstructured) (rollout.Acceptance, string) {
	name := router.Describe(proxy)
	answers := router.Objects(proxy.Object, "status", "conditions")
	at := slices.IndexFunc(answers, func(answer map[string]any) bool { return answer["type"] == "Valid" })
	if at < 0 || generationOf(answers[at]) < proxy.GetGeneration() {
		return rollout.Unconfirmed, name + " is not confirmed by Contour yet"
	}
	summary, _, _ := unstructured.NestedString(proxy.Object, "status", "currentStatus")
	if answers[at]["status"] == "True" || summary == orphaned {
		return rollout.Taken, ""
	}
	return rollout.Refused, fmt.Sprintf("%s is invalid to Contour for the reasons %s", name, reasons(answers[at]))
}

// generationOf is the generation of the HTTPProxy that answer is about.
func generationOf(answer map[string]any) int64 {
	generation, _ := answer["observedGeneration"].(int64)
	return generation
}

// reasons are those of the errors of answer, as Contour lists them.
func reasons(answer map[string]any) string {
	var list []string
	for _, one := range router.Objects(answer, "errors") {
		list = append(list, fmt.Sprint(one["reason"]))
	}
	return strings.Join(list, ", ")
}
