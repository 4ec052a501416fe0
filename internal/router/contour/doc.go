// Package contour routes by the routes of one HTTPProxy, which the user includes from a root HTTPProxy.
//
// # The object
//
// The HTTPProxy has the name of the apex Service and no virtual host. Of its spec the list of routes is ours, and the
// ingress class if the operator was told one:
//
//	weights  [primary and canary, below the prefix]
//	A/B      [primary and canary, for matching requests] [primary 100 and canary 0, below the prefix]
//
// Both sides are in every route, a side without traffic by the weight 0. In a route its conditions, timeoutPolicy and
// retryPolicy are what the spec says, and so is where its requests go. The rest of it, such as enableWebsockets, is the
// user's to say, as is how Contour reaches a side (protocol, validation and whatever else an entry of services may
// have). A side or a route that comes back takes it from the one that is there.
//
// Every entry tells Linkerd by the header l5d-dst-override which Service its requests are for.
//
// # Decisions
//
// All that the entries of analysis.match ask for must hold at once, as ever with this provider. The prefix is a condition
// of its own before them: Contour refuses a route that has more than one.
//
// Contour compares a header to the whole of a text, to a part of it or to a regular expression. To ask for the text
// anywhere in the header would let more users in than a prefix or suffix does, so those become regular expressions. They
// need a CRD that has them (Contour 1.27); an older one refuses the route, and nobody is sent to the canary.
//
// An HTTPProxy that a user made before the canary is taken over if all it does is lead the same requests to the apex
// Service, by one route; its virtual host, includes, labels and other fields stay as they are, and what is overwritten
// is kept in one of its annotations, so that Release can restore it. One that leads elsewhere too, or has the
// canary's prefix beside others, is refused: to overwrite it would be to move traffic which nobody spoke of.
//
// The ingress class of the operator is one for all canaries. service.apex.annotations can name another for one of them
// by kubernetes.io/ingress.class, which Contour prefers to the field.
//
// Contour says in the status what it has made of an HTTPProxy. One that no root includes is an orphan, by which nobody
// is routed at all; it counts as taken, or a canary could not be made before the root.
package contour
