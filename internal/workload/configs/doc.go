// Package configs follows the ConfigMaps and Secrets that a workload's pods refer to, and copies them for its primary.
//
// # What is tracked
//
// Every ConfigMap and Secret that the application in the pods can read: by an environment variable, as a volume, or as a
// part of a projected one, in containers of all sorts. What the kubelet or a driver reads is left alone, and so are
// Secrets of types that controllers keep, and configs whose user annotates them with flagger.app/config-tracking and a
// value that begins with "disable". Those stay shared by target and primary. A config is mandatory if any mention of it
// is, whichever comes last.
//
// Checksums are Flagger's own, so that a canary that Flagger left behind does not look changed. Flagger did not see
// binaryData; its checksum is appended, and only where there is some.
//
// # Unknown is not changed
//
// A config that cannot be read has not changed. Observe returns an error where trying again may help, and words where
// only a user can: a config that is missing, or a right that the operator lacks. Neither comes with checksums, so
// nothing that holds some can be taken for a difference. Where the words say that something is missing, the API server
// has said so, and not a cache that may be behind.
//
// # What it costs
//
// Caches hold the metadata alone, cut down by Transform. Data is read one object at a time, when the metadata has
// another resourceVersion than before, and forgotten at once: the memory keeps checksums. A canary at rest costs no
// request. An informer that may not list would never fill, and whoever reads from it would wait for it; so before the
// first look at a kind a list of one object tells whether the operator may. Watchable tells whoever wants to be woken.
//
// A copy bears, in the annotation flagger.app/copied-from, which version of which object it was made from and the checksum
// of that. So a restart reads what has changed since its promotion and nothing else. A promotion does not read a config
// either whose copy bears the version that was analysed, as long as the copy is as this process wrote it or found it: that
// is seen from the resourceVersions of both. What is copied is read at that moment and compared with what was analysed. A
// copy that the cache does not have is made without a look: that the API server makes it proves that there was none.
//
// Writes opt out of the client's consistency with its cache, which would start an informer for what is written, data and
// all.
//
// # Whose copies
//
// A copy belongs to the canaries that refer to it, each of which is an owner, so that it goes with the last. They share
// the content, too: each promotes the config as it is then. An object with the name of a copy that no canary owns is
// somebody else's. Nothing is written then, not even the other copies, because half of a version was never analysed. Where
// the cache has not seen it yet, others may have been made before it is met, but none that stood has been overwritten.
//
// Prune goes through the metadata of all configs of a namespace, and unpacks each: some 2.6 µs for one, which is 50 ms where
// 5,000 canaries share a namespace. An index by owner would save that and cost 700 bytes for each copy.
package configs
