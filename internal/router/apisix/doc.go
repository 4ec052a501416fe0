// Package apisix routes by the weights of the backends of an ApisixRoute, on a second ApisixRoute beside the user's.
//
// # The object
//
// The user's route, spec.routeRef, is read and never written. The canary route has its name with the suffix
// -<apex>-canary and is a copy of it that holds only the rules which lead to the apex Service. Each of them
//
//	priority  is 10000 above the user's, so that APISIX prefers it for the same path
//	backends  are the primary's Service and the canary's, with the weights of the run, at rest 100 and 0
//
// and all else of a rule and of the spec is as the user has it, fields that we know nothing of too. Without the canary
// route, requests reach the user's own rules and, by the apex Service, the primary.
//
// # Decisions
//
// All rules that lead to the apex Service are divided, each by the same weights, and keep the order that their
// priorities give them. Flagger divided the first alone and gave it the priority 10000, whatever the user's was.
//
// The part spec.stream is left out: its rules would listen a second time on the ports of the first.
//
// A rule for certain requests to another Service may outrank the one to the apex for the same path. The copy would
// outrank it in turn and take its requests, so the user's route is refused until that rule is raised above the copy,
// but only if it would lose requests for certain. Rules of other ApisixRoutes are not looked at.
//
// Beside the backend that we divide, a rule may have upstreams, which are copied. Their share stays what it was only if
// our two weights sum to what the one backend had, so any other weight of it than 100, the default, is refused.
//
// The labels and annotations of the user's route are kept up to date on the copy, without the marks of the tools that
// delivered it, and those of others stay. One that the user takes away goes with the next write, as nobody could tell
// it from one of others by looking.
//
// Nobody is sent to the canary without the user's route, but users come back without it: a canary route that has users
// is emptied even if the route that it was made from is gone.
//
// A canary route without an owner that divides traffic as Flagger did was made by a Flagger that could not set one, and
// becomes the canary's. Any other ApisixRoute of the name is somebody else's.
//
// APISIX's controller says in the status what it has made of a route, as the condition Accepted since its version 2 and
// as ResourcesAvailable before. It can be told not to, so no answer at all counts as taken.
package apisix
