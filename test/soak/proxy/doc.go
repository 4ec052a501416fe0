// Package proxy stands between an operator and an API server and does to its requests what networks, load balancers and
// busy API servers do, at rates that are given and drawn from a seed.
//
//	faults.go what may happen                    delay.go        answers and events that come late
//	dice.go   what does happen                   storm.go        times in which nothing works
//	proxy.go  requests and watches on their way  certificate.go  the proxy's own
//
// It passes on credentials as they are and speaks HTTP/2 on both sides, so that a reset is one stream's and hits one
// request. Watches are flushed with every write.
//
// The same seed gives the same sequence of faults. Which request gets which depends on their order, and that on time.
package proxy
