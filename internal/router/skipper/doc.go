// Package skipper routes by the weights of backends that Skipper reads from an annotation, on a second Ingress beside
// the user's.
//
// # The object
//
// The user's Ingress, spec.ingressRef, is read and never written. The canary Ingress has its name with the suffix
// -canary and is a copy of it, in which every path to the apex Service leads to the primary's, and a like one at the end
// of the rule to the canary's. Two annotations of it are ours:
//
//	zalando.org/backend-weights    {"podinfo-canary":10,"podinfo-primary":90}
//	zalando.org/skipper-predicate  a step    Weight(100), so that Skipper prefers the copy
//	                               at rest   False(), so that the user's own Ingress serves, by the apex Service
//
// The user's predicates follow ours, letter by letter, and the user's weights of other Services stay.
//
// # Decisions
//
// Every path is copied, not only those to the apex Service. Skipper prefers a route of the copy to any of the user's for
// which the path is no stricter, so a copied / alone would take the requests of a /web beside it.
//
// Routes of the annotation zalando.org/skipper-routes get no predicates of ours: without the preference that the
// copy's paths have, they would serve nobody while a run lasts, be they redirects or denials. A user's Ingress that
// has some is refused.
//
// So is one where a path leads to the apex Service and to another: what of the other's share is left would be up to
// weights that were not made for two more Services.
//
// The default backend is copied as it is. Skipper puts neither weights nor predicates on it, so that the two are one.
//
// Nobody is sent to the canary without the user's Ingress, but users come back without it: a canary Ingress that has
// users is put to rest even if the Ingress that it was made from is gone.
//
// Weights that cannot be read count as none, by which Skipper serves both sides alike, and are repaired like any other
// drift.
//
// A canary Ingress without an owner that divides traffic as Flagger did was made by a Flagger that could not set one,
// and becomes the canary's. Any other Ingress of the name is somebody else's.
package skipper
