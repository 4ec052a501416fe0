package gatewayapi

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// Version is one version of the API and what of it is used. The CRD gives all versions the same fields; what v1beta1
// leaves unused is what Flagger left unused, and what the CRDs of its time did not have.
type Version struct {
	provider string
	aliases  []string
	api      string
	features features
}

// features are the parts of a rule that not every version is used for.
type features struct {
	timeouts, cors, primaryCookie, mirrorPercent bool
}

var (
	// V1 is gateway.networking.k8s.io/v1.
	V1 = Version{
		provider: "gatewayapi:v1",
		aliases:  []string{"gatewayapi"},
		api:      "v1",
		features: features{timeouts: true, cors: true, primaryCookie: true, mirrorPercent: true},
	}
	// V1beta1 is gateway.networking.k8s.io/v1beta1.
	V1beta1 = Version{provider: "gatewayapi:v1beta1", api: "v1beta1"}
)

// kind is the HTTPRoute of the version.
func (v Version) kind() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: gatewayv1.GroupName, Version: v.api, Kind: "HTTPRoute"}
}

// Row is the version's row of the registry.
func Row(v Version) router.Row {
	kind := v.kind()
	return router.Row{
		Provider: v.provider,
		Aliases:  v.aliases,
		Capabilities: rollout.Capabilities{
			Routes:          true,
			Match:           true,
			Mirror:          true,
			MirrorSteps:     true,
			Affinity:        true,
			PrimaryAffinity: v.features.primaryCookie,
			Gateways:        true,
		},
		Watch: &kind,
		New:   func(deps router.Deps) router.Router { return New(v, deps) },
	}
}
