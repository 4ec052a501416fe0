// Package datadog asks Datadog for values, through its own client library. It answers the templates of type datadog.
//
// # Credentials
//
// The Secret holds `datadog_api_key` and `datadog_application_key`. The address is that of the user's site; without
// one it is that of US1.
//
// # What is taken for what
//
// A query has one value: the oldest point of its first series that is not null, in a window of ten intervals, since
// Datadog fills the newest points last. No series, no points and nothing but nulls are metrics.ErrNoData. Datadog
// refuses with 400 what it cannot parse, a metrics.ErrQuery. All else, even JSON of another shape, is the provider's
// error.
package datadog
