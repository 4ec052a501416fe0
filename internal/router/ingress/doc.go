// Package ingress is about a user's Ingress and its copy for a canary.
//
// It is what the providers of ingress controllers share which are told of a canary by a second Ingress beside the
// user's: router.Copier makes it, under the name of the user's with the suffix -canary. Where the paths of the copy lead,
// and which annotations divide traffic, is the provider's to say.
package ingress
