package smi

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// Variant is a version of the API together with what the mesh behind it makes of a TrafficSplit.
type Variant struct {
	provider string
	aliases  []string
	api      string
	mesh     mesh
}

// mesh is who reads the TrafficSplit.
type mesh struct {
	// servicesAlone: nothing but a Service of the namespace can be the root.
	servicesAlone bool
	// gateways: service.gateways are told by an annotation.
	gateways bool
}

var (
	anyMesh     = mesh{}
	serviceMesh = mesh{servicesAlone: true}
	istioMesh   = mesh{gateways: true}
)

// The versions of split.smi-spec.io that Flagger wrote. Only in the first are weights quantities.
const (
	v1alpha1 = "v1alpha1"
	v1alpha2 = "v1alpha2"
	v1alpha3 = "v1alpha3"
)

// Meshes of which it is known how they read a TrafficSplit.
var (
	// Linkerd is the extension that Linkerd needs up to 2.13; it reads v1alpha1.
	Linkerd = Variant{provider: "linkerd", aliases: []string{"smi:v1alpha1:linkerd"}, api: v1alpha1, mesh: serviceMesh}
	// OSM is Open Service Mesh, which reads v1alpha2.
	OSM = Variant{provider: "osm", aliases: []string{"smi:v1alpha2:osm"}, api: v1alpha2, mesh: serviceMesh}
	// IstioV1alpha1 is the adapter to Istio that reads v1alpha1.
	IstioV1alpha1 = Variant{provider: "smi:v1alpha1:istio", api: v1alpha1, mesh: istioMesh}
	// IstioV1alpha2 is the adapter to Istio that reads v1alpha2.
	IstioV1alpha2 = Variant{provider: "smi:v1alpha2:istio", api: v1alpha2, mesh: istioMesh}
	// IstioV1alpha3 is the adapter to Istio that reads v1alpha3.
	IstioV1alpha3 = Variant{provider: "smi:v1alpha3:istio", api: v1alpha3, mesh: istioMesh}
)

// Whatever mesh reads the version.
var (
	// V1alpha1 is split.smi-spec.io/v1alpha1.
	V1alpha1 = Variant{provider: "smi:v1alpha1", aliases: []string{"smi:v1alpha1:crossover"}, api: v1alpha1, mesh: anyMesh}
	// V1alpha2 is split.smi-spec.io/v1alpha2.
	V1alpha2 = Variant{provider: "smi:v1alpha2", aliases: []string{"smi:v1alpha2:crossover"}, api: v1alpha2, mesh: anyMesh}
	// V1alpha3 is split.smi-spec.io/v1alpha3.
	V1alpha3 = Variant{provider: "smi:v1alpha3", aliases: []string{"smi:v1alpha3:crossover"}, api: v1alpha3, mesh: anyMesh}
)

// kind is the TrafficSplit of the version.
func (v Variant) kind() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "split.smi-spec.io", Version: v.api, Kind: "TrafficSplit"}
}

// Row is the variant's row of the registry.
func Row(v Variant) router.Row {
	watched := v.kind()
	return router.Row{
		Provider:     v.provider,
		Aliases:      v.aliases,
		Capabilities: rollout.Capabilities{Routes: true},
		Watch:        &watched,
		New:          func(deps router.Deps) router.Router { return New(v, deps) },
	}
}
