package traefik

import (
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

var (
	current = schema.GroupVersionKind{Group: "traefik.io", Version: "v1alpha1", Kind: "TraefikService"}
	// legacy is what current was called before Traefik 2.10.
	legacy = schema.GroupVersionKind{Group: "traefik.containo.us", Version: "v1alpha1", Kind: "TraefikService"}
)

// Row is the provider's row of the registry.
func Row() router.Row {
	watched, former := current, legacy
	return router.Row{
		Provider:     "traefik",
		Capabilities: rollout.Capabilities{Routes: true},
		Watch:        &watched,
		Formerly:     &former,
		New:          func(deps router.Deps) router.Router { return New(deps) },
	}
}

// served is the kind of the cluster's TraefikServices. Where there is none, the error names the CRD of the current one.
func served(mapper meta.RESTMapper) (schema.GroupVersionKind, error) {
	_, err := mapper.RESTMapping(current.GroupKind(), current.Version)
	if !meta.IsNoMatchError(err) {
		return current, err
	}
	if _, older := mapper.RESTMapping(legacy.GroupKind(), legacy.Version); !meta.IsNoMatchError(older) {
		return legacy, older
	}
	return current, kube.NameCRD(err, current)
}
