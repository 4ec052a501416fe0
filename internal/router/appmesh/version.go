package appmesh

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

const (
	apiV1beta1 = "v1beta1"
	apiV1beta2 = "v1beta2"
)

// Kinds of objects; v1beta1 has its routers inside of the VirtualServices.
const (
	kindNode    = "VirtualNode"
	kindRouter  = "VirtualRouter"
	kindService = "VirtualService"
)

// Version is a version of App Mesh's API. The two have little in common but their names.
type Version struct {
	provider string
	aliases  []string
	api      string
	// watch is the kind that has the weights, also are the others.
	watch string
	also  []string
	features
	// routing is the name of the object that has the weights.
	routing func(c *v1beta1.Canary) string
	// pieces are all objects, in the order in which they are to be written.
	pieces func(c *v1beta1.Canary, s sheet) []piece
	// acceptance says what App Mesh has made of the object that has the weights, and why it is not taken. The conditions
	// of v1beta1 do not say what generation they are about.
	acceptance func(live *unstructured.Unstructured) (rollout.Acceptance, string, error)
	dialect
}

// features are what only some versions know.
type features struct {
	// meshName: every object names its mesh.
	meshName bool
	// podSelector: a VirtualNode selects its pods.
	podSelector bool
}

var (
	// V1beta1 is appmesh.k8s.aws/v1beta1, which App Mesh's controller served before its version 1.0.
	V1beta1 = Version{
		provider:   "appmesh",
		aliases:    []string{"appmesh:v1beta1"},
		api:        apiV1beta1,
		watch:      kindService,
		also:       []string{kindNode},
		features:   features{meshName: true},
		routing:    hostOfApex,
		pieces:     oldPieces,
		acceptance: router.NeverTold,
		dialect:    oldDialect,
	}
	// V1beta2 is appmesh.k8s.aws/v1beta2, which the controller serves since.
	V1beta2 = Version{
		provider:   "appmesh:v1beta2",
		api:        apiV1beta2,
		watch:      kindRouter,
		also:       []string{kindService, kindNode},
		features:   features{podSelector: true},
		routing:    router.ObjectName,
		pieces:     newPieces,
		acceptance: acceptance,
		dialect:    newDialect,
	}
)

func gvk(api, kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "appmesh.k8s.aws", Version: api, Kind: kind}
}

// Row is the version's row of the registry.
func Row(v Version) router.Row {
	watched := gvk(v.api, v.watch)
	var also []schema.GroupVersionKind
	for _, name := range v.also {
		also = append(also, gvk(v.api, name))
	}
	return router.Row{
		Provider:     v.provider,
		Aliases:      v.aliases,
		Capabilities: rollout.Capabilities{Routes: true, Match: true},
		Watch:        &watched,
		Also:         also,
		New:          func(deps router.Deps) router.Router { return New(v, deps) },
	}
}
