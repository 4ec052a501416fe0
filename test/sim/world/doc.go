// Package world lets chance tell stories about the whole operator: the Reconciler with its real adapters, one namespace
// on an API server in memory, and all that lives there. Users push, edit, suspend and delete; pods take their time, flap
// or never start; gateways accept, refuse or stay silent; metrics and gates say what they like; an autoscaler and other
// people's objects are in the way. Watches are late. Writes meet conflicts and time-outs, and the operator dies behind
// any of them, to be followed by another with a clock of its own.
//
// # What is judged
//
// The referee sees every write of the operator and names the invariant that it breaks:
//
//	I1  no weight, and no apex, to a side without enough ready pods
//	I2  no stop of a target that has weight, or whose drain is not over
//	I3  the primary's template and configs are, at each change, what passed every metric
//	I4  weights sum to 100; one step up per interval
//	I5  what was pushed ends as something; lastAppliedSpec is recorded with the start of its run
//	I6  an unchanged workload never rolls, and the target's own template is never written
//	I7  nobody else's object is written, and nothing for the younger of two canaries
//	I8  a metrics provider's outage alone neither rolls back nor promotes
//	I9  a healthy canary keeps its users while the primary has no pod for them
//
// I1, I2 and I9 are judged by what the operator's caches show at the time of the write, for it cannot know better: pods
// that died a moment ago get their traffic in any system. Drain and interval may count by the operator's own clock,
// which jumps when another takes over. The rest is judged by what is true. With stale caches a user's change that has come meanwhile is allowed for in
// I3 and I6 as well as one that the operator has not heard of yet.
//
// In the end everything is healed, and the revision that is pushed last must serve, with nobody on the canary, the
// target stopped, and nothing more to do: one more call sends no request.
//
// # What is not simulated
//
// Only the latest pause that a call asked for is kept, so that no timer of a former call can hide that a later one forgot
// to ask. Every change that reaches a cache wakes every canary; which watch wakes which canary is tested with a manager.
package world
