// Package workload is what the operator knows of the user's workload: which revision it carries, how ready it is, the
// primary copied from it, and the three Services in front of both.
//
// # Revisions
//
// A revision is a digest of the pod template's canonical JSON and not of the Go value, so that a newer k8s.io/api, the
// wire format or the spelling of a quantity cannot make a workload look changed and roll it. The primary carries the
// revision that it was copied from as an annotation, written together with the template: a crash leaves both or
// neither. The annotation flagger-id, which makes pods roll even where the template alone would not, is derived from
// the canary and the revision for the same reason.
//
// A primary made by Flagger has no such annotation. It is compared with the target instead, with everything undone that
// a copy may rename, and where they agree it is taken as it is, without a write.
//
// # Whose objects
//
// The primary and the Services named -primary and -canary are ours or they are left alone: an object of that name
// without the canary's owner reference is ErrForeign. The apex Service alone may be the user's, and then only its
// selector, its ports and the guards against GitOps tools are ours to write, as a patch, so that fields which this
// program is too old to know survive.
//
// # References to configuration
//
// ConfigMaps and Secrets are not tracked: the primary refers to the very objects that the target refers to.
package workload
