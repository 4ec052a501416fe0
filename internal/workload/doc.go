// Package workload is what the operator knows of the user's workload: which version it carries, how ready it is, the
// primary copied from it, and the three Services in front of both.
//
// # Revisions
//
// A revision is a digest of the pod template's canonical JSON and not of the Go value, so that a newer k8s.io/api, the
// wire format or the spelling of a quantity cannot make a workload look changed and roll it. The primary carries the
// version that it was copied from, which is the revision and a fingerprint of the configs, as annotations written
// together with the template: a crash leaves both or neither. The annotation flagger-id, which makes pods roll even where
// the template alone would not, is derived from the canary and the version for the same reason.
//
// A primary made by Flagger has no such annotations. It is compared with the target instead, with everything undone that
// a copy may rename, and where they agree the annotations are all that is written.
//
// # Copies
//
// What is promoted is read live and compared with what was analysed. Then it is copied as a tree, not through our types,
// which would drop the fields that are newer than they are; only the version is computed from the types, so that it is the
// same wherever it is computed.
//
// The primary is not read for that. A JSON patch replaces what is copied and names nothing else, so that what our types do
// not know of the primary stays without being seen, and it insists on the resourceVersion that the cache has.
//
// # Configs
//
// The ConfigMaps and Secrets that the target refers to are copied too, and the primary refers to the copies: an edit of
// one is a version that is analysed before users meet it. Package configs follows and writes them. They are written before
// the primary, whose annotations say that its pods have started with them, and say in the meantime that it is unsettled
// which ones it has.
//
// # DaemonSets
//
// A DaemonSet has no number of replicas. It is stopped by a key of its template's node selector that no node has; the key
// is no part of the revision, and the primary never has it.
//
// # Knative
//
// A Service of Knative's keeps every version of itself as a revision that never changes, so nothing is copied: to promote
// is to move an annotation from one revision to the next, and the router of Knative sends users there.
//
// # Whose objects
//
// The primary and the Services named -primary and -canary are ours or they are left alone: an object of that name
// without the canary's owner reference is ErrForeign. The apex Service alone may be the user's, and then only its
// selector, its ports and the guards against GitOps tools are ours to write, as a patch, so that fields which this
// program is too old to know survive.
package workload
