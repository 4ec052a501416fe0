// Command zeroloss counts the requests that users lose. It brings up a lab and puts an app behind the gateway for each way
// that Traefik can divide traffic (the Gateway API, TraefikServices, the annotations of ingress-nginx). Each app is under
// constant load, most of it on connections that are kept, some of it on new ones, while its canary goes through every
// transition there is, over and over, until enough requests were sent:
//
//	initialise  a Canary takes over an app that has users
//	advance     a good release gets more and more of the traffic
//	promote     it becomes the primary
//	roll back   a bad release is taken away
//	revise      a release in the middle of its analysis is replaced by the next
//	crash       the operator is killed in the middle of an analysis
//	delete      the Canary is deleted, and hands everything back
//
// One answer in a hundred takes two seconds, so there are always requests under way that a change could break. What the
// bad release fails on purpose is no loss; everything else is. The table tells requests, losses and the share of the new
// release by provider and transition.
//
// It wants a machine that does nothing else. A gateway that gets no CPU time knows neither weights nor endpoints: one that
// had a fifth of a core was seen to send users to pods for 17 s after it had been told that they end.
//
//	main.go    flags -> lab -> courses -> table       course.go  an app's way through the transitions
//	stint.go   the load between two points in time    tally.go   what came of it
package main
