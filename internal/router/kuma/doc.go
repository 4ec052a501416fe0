// Package kuma routes by the split of a TrafficRoute of Kuma.
//
// # The object
//
// A TrafficRoute is in no namespace, but in the mesh of its field mesh: the canary's annotation kuma.io/mesh, or
// default. It has the name of the apex Service. Of its spec these are ours:
//
//	sources       every service of the mesh
//	destinations  the apex Service, as Kuma calls it: podinfo_test_svc_80
//	conf.split    the primary's Service and the canary's, with the weights of the run, at rest 100 and 0
//
// and what would win over the split: conf.destination and conf.http. How the sides are reached, conf.loadBalancer, is
// the user's to say.
//
// # Decisions
//
// Canaries of two namespaces may have one name. The first to come has the TrafficRoute of the name, as Flagger gave it;
// where that is for other Services than ours, ours is called podinfo.test, <name>.<namespace>, which no other canary
// can ask for. Whichever of the two was made for a canary stays the canary's.
//
// A canary, which is in a namespace, cannot own a TrafficRoute, which is in none: the garbage collector would take the
// owner for one that is gone. An annotation says who made it, and Release deletes it. Without Release it outlives the
// canary; one that divides traffic between the sides of a canary and has no other claim to it but an annotation of a
// predecessor, or none as Flagger's, becomes the canary's that has these sides now.
//
// A TrafficRoute that a user made before the canary is taken over if all it does is lead to the apex Service, and where
// it led is kept in one of its annotations, so that Release can restore it. One that is for certain sources, routes by
// path or leads elsewhere is refused: to overwrite it would be to move traffic which nobody spoke of.
//
// The TrafficRoute has no status, so what it asks for counts as taken.
package kuma
