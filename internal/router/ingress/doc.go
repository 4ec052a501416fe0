// Package ingress copies a user's Ingress for a canary.
//
// It is what the providers of ingress controllers share which are told of a canary by a second Ingress beside the
// user's. The user's Ingress, spec.ingressRef, is read and never written. The copy has its name with the suffix
// -canary, its labels and annotations without the marks of the tools that delivered it, and its whole spec, fields
// that we know nothing of too. Where the paths of the copy lead, and which annotations divide traffic, is the
// provider's to say.
package ingress
