// Package newrelic asks New Relic's Insights query API for values. It answers the templates of type newrelic.
//
// New Relic's own Go client knows NerdGraph, which takes other keys; the query keys that users have are for this API.
//
// # Credentials
//
// The Secret holds `newrelic_account_id` and `newrelic_query_key`. The address is that of the region; without one it
// is that of the US.
//
// # What is taken for what
//
// A query has one value: the number called result in its one result. No result, several, null, and results of
// other names or types are metrics.ErrNoData. What New Relic cannot parse it refuses with 400, a metrics.ErrQuery.
package newrelic
