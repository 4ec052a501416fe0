// Package smi routes by one TrafficSplit of the Service Mesh Interface, which Linkerd's extension, Open Service Mesh
// and others read.
//
// # The object
//
// The TrafficSplit has the name of the apex Service. Of its spec the root and the backends are ours:
//
//	service   what clients call, whose traffic is divided
//	backends  [canary 10] [primary 90], both at all times, at rest as [canary 0] [primary 100]
//
// All versions of the API say the same. v1alpha1 has quantities for weights, such as "90", the later ones numbers.
//
// # Decisions
//
// The root is the first of service.hosts, and without hosts the apex Service. The specification allows any name that
// clients use. Linkerd and Open Service Mesh divide the traffic of Services alone, so for them a host that is no Service
// of the namespace, such as that of an ingress, is passed over: it would divide nothing, and the canary would be
// analysed without traffic.
//
// The CRD of a mesh serves several versions without converting between them: whoever asks for a later version of what
// was written as v1alpha1 gets quantities, and the API server then refuses to apply anything to them. So a weight is
// read in either form, v1alpha1 goes on with numbers where it finds them, and a later version that finds quantities
// replaces them by an ordinary patch. A canary can thus go over to another provider of this package in mid-run.
//
// The TrafficSplit carries the annotations that keep Flux away, as every routing object does, and none of the apex
// Service's metadata. Over Istio it also carries service.gateways, for the adapter that makes a VirtualService of it; if
// they are removed from the spec, the annotation goes with the next write.
//
// spec.matches, which restricts a TrafficSplit to some requests, is never set and never removed: who adds it says which
// requests the weights are about.
//
// A TrafficSplit that a user made before the canary is taken over if all it does is lead from the root to the apex
// Service, and what it was is kept in one of its annotations, so that Release can restore it. One that divides other
// traffic, or leads to other Services, is refused: to overwrite it would be to move traffic which nobody spoke of.
//
// The TrafficSplit has no status, so what it asks for counts as taken. Conditions, mirroring and session affinity are
// beyond it.
//
// Linkerd 2.14 and later divide traffic without the extension, by an HTTPRoute whose parent is the apex Service. That is
// a matter of the Gateway API's provider.
package smi
