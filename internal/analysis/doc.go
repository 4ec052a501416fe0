// Package analysis turns a metric check into a query, and the value that comes back into a verdict. It is pure:
// no client, no context, no clock.
//
// # From a check to a query
//
// A Model holds what a query may say of a canary; Model.Render fills a query template with it. Inline queries and
// metric templates bring their own query. The builtin metrics take theirs from the Family that the name of the
// metrics provider selects: a row in families and a folder in queries, one file for each metric. A new provider is
// one more of both. What tells the canary's series from its primary's, and from those of others, is in selector.go:
// the names of the target's pods, of the workload, or of the routing objects that we make for it.
//
// # From a value to a verdict
//
// A Check knows the bounds of a metric and the wording of its stage (builtin, inline, template). Every text is the
// contract's, to the letter: users and programs match on them.
//
// # What differs from Flagger
//
//   - A metric without an interval has the window 1m in all three stages, not in the builtin and inline ones alone.
//   - The success rate of a canary that answers nothing but errors is 0; Flagger finds "no values".
//   - A DaemonSet is found by its own pods and its own kind; Flagger measures the pods of its primary instead, or none.
//   - A plain Service target (provider "<x>:service") is measured by the queries of <x>; Flagger takes Istio's. Where
//     these look for a workload, it is a Deployment of the Service's name.
//   - APISIX, Gloo, Kuma and Traefik are asked for the routing objects that there are, whose names come from the apex
//     Service; Flagger goes by the target's name, which is another where spec.service.name is set.
//   - A dot in a name matches that dot alone; in Flagger's regular expressions it matches other canaries too.
//   - An unknown metrics provider is an error; Flagger takes Istio's queries. Those are still SMI's.
//
// # What a family cannot tell apart
//
// APISIX counts by route, and one route leads to both sides: its metrics are those of all users, the primary's
// included. NGINX and Skipper have the mean of request durations, not a percentile.
package analysis
