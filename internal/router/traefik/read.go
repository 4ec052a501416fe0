package traefik

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// read is the inverse of render: the traffic that object is configured for. It returns false where object leads to
// neither side.
func read(c *v1beta1.Canary, object *unstructured.Unstructured) (rollout.Traffic, bool, error) {
	list, err := entries(object)
	if err != nil {
		return rollout.Traffic{}, false, err
	}
	primary, canary := find(c, list, router.PrimaryService(c)), find(c, list, router.CanaryService(c))
	if primary == nil && canary == nil {
		return rollout.Traffic{}, false, nil
	}
	return router.Shares(weightOf(primary), weightOf(canary)), true, nil
}
