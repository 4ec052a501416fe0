package nginx

import (
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/ingress"
)

// read is the inverse of render: the traffic that ingress-nginx divides by the canary Ingress. What it cannot read it
// takes for no users, as ingress-nginx does.
func (d dialect) read(_ *v1beta1.Canary, copied *unstructured.Unstructured) rollout.Traffic {
	annotations := copied.GetAnnotations()
	_, header := annotations[d.key(byHeader)]
	_, cookie := annotations[d.key(byCookie)]
	switch {
	case annotations[d.key(canaryFlag)] != "true":
		return rollout.ToPrimary()
	case header || cookie:
		return rollout.ToCanary()
	}
	percent, err := strconv.Atoi(annotations[d.key(canaryWeight)])
	if err != nil {
		return rollout.ToPrimary()
	}
	return rollout.Split(rollout.Weight(percent))
}

// isFlaggers says whether copied, which nobody claims, was made for c by a Flagger that could not set one.
func (d dialect) isFlaggers(c *v1beta1.Canary, copied *unstructured.Unstructured) bool {
	annotations := copied.GetAnnotations()
	if annotations[d.key(canaryFlag)] != "true" {
		return false
	}
	for guard, value := range kube.Guards {
		if annotations[guard] != value {
			return false
		}
	}
	return ingress.LeadsTo(copied, router.CanaryService(c))
}
