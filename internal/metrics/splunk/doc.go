// Package splunk asks Splunk Observability Cloud (SignalFx) for values, in SignalFlow over its websocket.
//
// The address is that of the API, https://api.<realm>.signalfx.com, or of the stream, wss://stream.<realm>.signalfx.com;
// the one is derived from the other. The Secret holds `sf_token_key`, an access token, and what every Secret of package
// httpapi may. A query is a program, which is run over the last ten intervals of the metric.
//
// The last value counts. Several series are the query's fault, as is a program that cannot be run.
//
// # Why not the client of the official module
//
// Messages are decoded by github.com/signalfx/signalflow-client-go, but spoken to the server by our own code. That
// module's client crashes the process on malformed messages, in goroutines where nobody can recover; without a server
// it dials in a loop without pause; it hides a refused token; it lets other goroutines wait for ever after a
// computation that failed; and it registers a flag of package httptest. The address is a user's to write, so none of
// this may happen.
//
// # Connections
//
// A connection is used by one query at a time and then kept for the next, at most for 90 seconds. One that the server
// has closed meanwhile is replaced at once.
package splunk
