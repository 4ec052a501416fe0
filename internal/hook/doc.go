// Package hook calls the webhooks of a canary: gates and checks, whose answer decides over the rollout, and
// receivers of events, whose answer does not.
//
// A gate or a check is called by Call, within the caller's reconcile: every attempt has a time limit, so do the
// pauses between attempts, and so has the call as a whole. An event is queued by Announce and delivered by Run, so
// that a slow receiver never holds a rollout up. Each receiver of each canary gets its events in order. A receiver
// that falls behind loses its oldest events, because the newest ones say how the rollout ended.
//
// What differs on purpose from Flagger 1.44:
//   - every 2xx answer passes, 204 included;
//   - the body of an answer that was retried in vain is shown, cut to 512 bytes like any other;
//   - a redirect stays a POST with its body, and is refused when it leads to another host, so that an answer from
//     elsewhere never ends up in an event;
//   - Retry-After is honoured up to the longest pause, not without limit;
//   - disableTLS skips the verification of certificates and nothing else: proxies and time limits remain.
package hook
