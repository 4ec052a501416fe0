// Package nginx routes by the canary annotations of ingress-nginx, on a second Ingress beside the user's.
//
// # The object
//
// The user's Ingress, spec.ingressRef, is read and never written. The canary Ingress has its name with the suffix
// -canary and is a copy of it, in which every path to the apex Service leads to the canary's. Its annotations say who
// is sent there:
//
//	weights  canary-weight: "<percent>"
//	A/B      canary-by-header, canary-by-header-value or -pattern, canary-by-cookie; canary-weight stays "0"
//	at rest  canary-weight: "0"
//
// The canary annotation itself is "true" at all times. Without it, ingress-nginx's admission would take the two
// Ingresses for rivals and refuse the user's next edit of the first.
//
// # Decisions
//
// All annotations that start with canary are ours: those that are not wanted now are taken out, whoever wrote them, or
// a forgotten header would go on sending users to the canary. Of the other annotations and the labels, those of the
// user's Ingress are kept up to date, without the marks of the tools that delivered it, and those of others stay. One
// that the user takes away goes with the next write, as nobody could tell it from one of others by looking.
//
// ingress-nginx sends a user to the canary for one header or one cookie, and either is enough. A condition that asks
// for more is refused. Cut down to what can be said, it would choose other users than those that were meant.
//
// Nobody is sent to the canary without the user's Ingress, but users come back without it: a canary Ingress that has
// users is emptied even if the Ingress that it was made from is gone.
//
// A weight that is no number counts as 0, as it does for ingress-nginx, and is repaired like any other drift.
//
// A canary Ingress without an owner that bears Flagger's marks was made by a Flagger that could not set one, and
// becomes the canary's. Any other Ingress of the name is somebody else's.
//
// The default backend of the user's Ingress is copied as it is: the traffic that no path describes is not part of a
// run.
package nginx
