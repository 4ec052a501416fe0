// Package metricstest is what every metrics provider must do. A Backend describes how one back end answers, and then
// there is
//
//	Run        the table of answers and of the verdicts they get, the same for all providers
//	Leaks      ten thousand queries that leave no goroutine and no connection behind
//	VerdictOn  what the port makes of an error, for what is the provider's own
//
// The server is real and local; it speaks HTTP/1.1 and HTTP/2 without TLS, so gRPC fits in.
//
// Only tests import it.
package metricstest
