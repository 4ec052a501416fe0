// Package metrics asks metrics back ends for values. It holds the port, Provider; a folder below holds the client of
// one back end each.
//
// An error of a provider says whose fault it is. ErrNoData: nobody's, there is no value. ErrQuery: the query's, so
// asking again cannot help and the check has failed. Any other error: the provider's, which has not been asked at
// all; it tells nothing about the canary.
//
// What an error says is shown to users, so it holds no credentials, and of what the back end said only the first 512
// bytes of a refusal (4xx, 5xx) by the configured host.
package metrics
