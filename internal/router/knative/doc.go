// Package knative routes by the traffic block of the user's own Knative Service, which is the canary's target as well.
//
// # The object
//
// Both sides are revisions of the one Service. Its annotation flagger.app/primary-revision names the primary, which is
// the revision promoted last; package workload moves it. The canary is the revision that Knative made last. Of
// spec.traffic the entries without a tag are ours:
//
//	at rest   [latestRevision 0, podinfo-00001 100]
//	a step    [podinfo-00002 10, podinfo-00001 90]
//	switched  [podinfo-00002 100]
//
// # Decisions
//
// Users are sent to revisions by name alone. By latestRevision, as Flagger had it, a revision pushed in the middle of a
// run would get the share of the one before it as soon as it is ready, unanalysed. At rest that entry gets nobody; it
// has Knative keep the new revision's pods ready for its first users, which it does only for revisions that are routed to.
//
// The revision under analysis is the one whose identity the canary's status records. If another one has been pushed
// since, the users of the former stay there or leave, but no more come, and nobody is sent to the newer one before its
// own run.
//
// A side without users has no entry. Knative carries out none of a list that names a revision which is missing or not
// ready, so that a broken canary could not be left, nor a broken primary. The entry latestRevision is never in the way:
// it stands for the last revision that was ready.
//
// After the promotion both sides are one revision, and all of its users are the primary's.
//
// Entries with a tag are the user's, for they make addresses of their own, but no users come by them: their percentage
// is 0. With one for latestRevision a load test reaches the canary before the users do.
//
// The annotation goes where somebody replaces the whole object. The canary's status has the identity of the revision
// promoted last, by which it is told among those that the object still names; Apply puts the annotation back. Where
// none is the one, the Service is not what was taken over, and is left alone until a user says which revision serves.
//
// The Service is the user's: it has no owner reference to the canary and none of the annotations that keep Flux away,
// which would keep new revisions away too. One that another controller made is not taken over. Release sends all users
// to the latest revision, as a Service does that was never divided, and takes the annotation away; Flagger left users
// pinned to a revision, so that what was pushed later reached nobody.
//
// What the Service asks for counts, not what its status says of traffic, so that a controller that lags is not taken
// for a step to be done again. The condition RoutesReady says whether it has been carried out.
package knative
