// Package controller carries decisions of package rollout out. One call of Reconcile observes, decides, performs,
// persists and announces, in this order and each in a file of its own:
//
//	reconciler.go  the loop        observe.go  cluster -> Observation     answer.go   questions -> Answers
//	perform.go     actions         persist.go  the one status write       announce.go events, hooks, metrics
//	refuse.go      what only the user can mend
//	watch.go       what wakes a canary, and the queue it waits in
//	past.go        what only this process has seen
//	census.go      how many canaries there are
//	measure.go     metric checks
//
// A crash at any point is repaired by the next call: actions are idempotent, and what was not persisted is decided
// again from what is observed then.
package controller
