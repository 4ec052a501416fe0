// Package rollout is the core: an Observation goes in, a Decision comes out. It has no client, no context, no clock and
// no logger, so everything a rollout can do is a table test.
//
// The phases, and every edge with its cause:
//
//	          ┌──────────────┐ primary ready, users moved to it, drained
//	new ────► │ Initializing │────────────────────────────► Initialized
//	          └──────────────┘
//	                                                           │ new revision
//	Initialized, Succeeded, Failed ────────────────────────────┤
//	          ▲                        confirm-rollout closed  │
//	          │                    ┌───────────────────────────┤
//	          │ target reverted    ▼                           │ gates open
//	          ├──────────────── Waiting ──── gate opens ───────┤
//	          │                                                ▼
//	          │                 new revision: again ┌─► Progressing ◄─┐ more steps
//	          │                                     └──────┤   │      │ in a mended spec
//	          │      confirm-promotion closed              │   ▼      │
//	          │      ┌─────────────────────────────────────┤ WaitingPromotion
//	          │      ▼                                     │   │
//	          │ (the analysis goes on)                     │   │ last step passed, gate open
//	          │                                            ▼   ▼
//	Failed ◄──┼─ threshold, rollback hook, canary stuck ── ·   Promoting ─ target and primary changed ─► Progressing
//	          │                                                │
//	Failed ◄──┼─ primary stuck: users parked on the canary ────┤ primary ready, users on it
//	          │                                                ▼
//	Succeeded ◄──────────────── drained ─────────────────── Finalising ◄─ target reverted ─ Progressing
//
//	any ── deletion with spec.revertOnDeletion ──► Terminating ── target serves, released, drained ──► gone
//
// Three rules hold everywhere. The status is the plan and the routing object follows it (Observation.planned), so drift
// is repaired to the weight in the status and never restarts anything. Only the next look at metrics waits for a tick
// (Observation.untilTick); every other edge is taken as soon as it is seen. Traffic moves only between sides that can
// answer, and pods go only when traffic has left them (Permit).
//
// Some edges are too rare for the drawing. A revision that is withdrawn while it waits, but whose pods somebody has
// started, goes through Finalising, which stops them. A run that waits in Promoting or Finalising for a primary that is
// stuck, or was deleted, goes back to Progressing for a new revision, which may heal it; it is cancelled if the target
// is back at what was promoted before. A promotion that was undone before it was over, as somebody deleted the primary
// while the target was back at what was promoted before, goes from Finalising back to Promoting.
//
// # What always holds
//
// Whatever a decision changes passes one door, Permit, which has a guard for each of these and looks at what is seen
// and not at how the decision came about. Package rollouttest simulates what users, clusters, failures and defects of
// the core itself may do, and finds the harm that each guard averts.
//
//	I1  no weight to a side without enough ready pods, or whose pods the data plane does not know yet
//	I2  no scale-down of a side that has weight, or whose drain is not over
//	I3  what is promoted is what was analysed, template and configs
//	I4  weights sum to 100; at most one step up in an interval
//	I5  every revision that was seen ends promoted, failed or superseded
//	I6  an unchanged workload never rolls
//	I7  nobody else's object is overwritten
//	I8  the outage of a metrics provider alone never rolls back and never promotes
//	I9  an unhealthy primary never gets traffic back from a healthy canary, and never blocks what would heal it
//
// # Where this differs
//
// From what Flagger shows, and on purpose.
//
// What is told: an event that would repeat is sent once, be it about a suspension, a closed gate and the open ones
// before it, a rollback hook that does not agree, a workload that is not ready, a provider that is out of reach, or the
// limits of a provider. Pods that start are no news until that lasts ten seconds. A post-rollout hook that fails keeps
// none of the others from being called, and those that a process died before calling are called by the next. The last
// event of a cancelled run is "Analysis cancelled! ...". The progress deadline has no event of its own there either, but
// chats are told of it, and of a closed gate once. All conditions but Promoted are ours.
//
// When it happens: changes, readiness, rollbacks and the steps after the analysis do not wait for a tick. The first
// analysis follows readiness; a rollback follows the failed check that reaches the threshold; a promotion goes on when
// the primary is ready. Pods that have come where there were none get their first users when they have been there for
// the time in Settings.Settle: data planes learn of them later than we do, and answer 404 or 503 until then. Pods outlive
// the traffic that left them by the drain, at initialization, promotion, rollback (in phase Failed) and deletion.
//
// Weights: the status leads and the routing object follows. WaitingPromotion keeps weight and iterations, and analyses
// without counting further iterations. A maximum above 100 is 100; a weight that is no step goes on to the next above
// it; fewer iterations than done promote. A mirrored step counts once it is recorded.
//
// Checks: a provider that cannot be reached holds the run and is not counted, unless the spec asks for that. Metrics of
// a tick are queried together and all are recorded; the first out of bounds, in the order of the spec, speaks. A
// pre-rollout hook that has passed is not called again in the same run. Rollback hooks are asked in Waiting too. The
// probe of the providers is not repeated once it has passed for a spec.
//
// Revisions: reverting the target ends a run, or the waiting for one. A revision pushed during initialization or at the
// end of a promotion starts a run of its own; if it comes while users are still on the canary, they leave it as soon as
// the primary has enough pods, all of which run what was promoted or analysed.
// A failed revision is recorded by the write that fails it and by no other. A deleted primary is made anew only from
// the promoted revision, with the size that it had; another one is analysed first, without it. A primary that may still
// come up is not changed any more during initialization. Users leave a target that is deleted.
//
// Configs: what was promoted includes them, so reverting a config is no release, and editing one together with a
// reverted template is. One that is missing or may not be read keeps versions from being copied, and nothing else. One
// that is edited under running pods has these restarted, once their users are on the primary, before the run goes on; where
// nobody else serves users, only pods of a new template can take their place. No pods are started beside configs that
// cannot be told. Copies that the primary refers to no longer go with the promotion.
//
// Autoscalers and sizes: at rest, a change of the target's autoscaler reaches the primary at once, and so does a size
// that a user gives the target where there is no autoscaler.
//
// The primary: one that is stuck fails no run and no initialization, and keeps no revision out, as that may be the fix;
// only a promotion into it fails. Then users are parked on the canary if that is ready and there is a route to it, and
// come back as soon as the primary can serve, which makes the revision the promoted one after all. A revision pushed
// before that has users from its first moment: it is analysed after an interval, pre-rollout hooks included. A canary
// that is not ready does not stop a promotion. A primary without an available pod gets nobody, not even by a rollback.
//
// Skipping: without analysis, too, the primary is waited for, at initialization and at promotion, and the canary drains.
//
// Cookies: the primary's changes with each step and goes with the canary's.
//
// Deletion: the target, if it is not ready, is waited for as long as it takes, and an event says so. Without
// spec.revertOnDeletion, too, what cannot be owned by the canary is taken away.
//
// Specs: what cannot be carried out is refused with its field and cause, where Flagger falls back to a default or stands
// still: durations that do not parse, fractions, weights outside of 0..100 or not ascending, no step at all, and what the
// provider cannot do.
package rollout
