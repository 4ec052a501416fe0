// Package analysis turns a metric check into a query, and the value that comes back into a verdict. It is pure:
// no client, no context, no clock.
//
// # From a check to a query
//
// A Model holds what a query may say of a canary; Model.Render fills a query template with it. Inline queries and
// metric templates bring their own query. The builtin metrics take theirs from the Family that the name of the
// metrics provider selects: a row in families and a folder in queries, one file for each metric. A new provider is
// one more of both.
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
//   - The pods of a DaemonSet are found by their own names; Flagger measures those of its primary instead.
//   - A plain Service target (provider "<x>:service") is measured by the queries of <x>; Flagger takes Istio's.
//   - An unknown metrics provider is an error; Flagger takes Istio's queries.
package analysis
