// Package rollouttest plays whole rollouts in a simulated cluster of one canary: a target and its primary that take
// time to become ready, a routing object, hooks and metrics that answer what the story says, and a clock that jumps
// from one due time to the next. It drives the core as the controller does: observe, ask in rounds, act through
// rollout.Permit, store the status, close, announce.
//
// A Story is what users and the weather do, in beats; Play narrates what the operator makes of it and referees every
// step. The referee knows the cluster, not the decisions, so it finds what the core and its tests agree on wrongly:
//
//   - weights sum to 100, and only go up on a side that can answer;
//   - a side keeps its pods while it has traffic and until it has drained;
//   - at most one step up per interval;
//   - the primary gets a revision only after that very revision went past every gate and check;
//   - phases change only along the edges that package rollout draws;
//   - the last revision that was pushed ends promoted, failed or waiting for its gate, and the story ends.
//
// A story can be played again with one status write lost, with the process killed after any other write, or with the
// wake-ups in another order, and must come to the same end.
//
// Simulate lets chance tell the story instead, and tampers with decisions as a defect of the core would: then the door
// alone must keep the invariants, which the referee calls by their numbers. A test takes the guards out of the door one
// by one and requires that this is noticed.
package rollouttest
