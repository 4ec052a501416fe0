// Package istio routes by one VirtualService of Istio, with a DestinationRule for each of the two sides.
//
// # The objects
//
// The DestinationRules have the names of the Services of the two sides and tell sidecars and gateways how to reach them:
// service.trafficPolicy. They do not change in a run. They are written before the VirtualService, but trouble with them
// keeps nobody from leaving the canary.
//
// The VirtualService has the name of the apex Service. Of its spec the hosts, the gateways and the list of routes are
// ours alone. The routes are, in this order:
//
//	weights          [weighted]
//	A/B              [weighted, for matching requests] [primary, for all others]
//	session affinity [canary, for its cookie] [primary, for its cookie] [weighted, setting the cookies]
//	after affinity   [weighted, expiring the canary's cookie for who still sends it] [weighted]
//	TCP              [weighted], in the list tcp; there are no requests to match, mirror or pin
//
// The weights of a run are thus those of the route that leads to both sides and asks for no cookie. A mirror is on the
// weighted route.
//
// # Decisions
//
// Flagger left conditions of an A/B test, mirroring and session affinity out where service.appProtocol is tcp. They are
// refused here: an A/B test without its condition sends everybody to the canary.
//
// A condition of an A/B test narrows the service's own matches by its headers, source labels and query parameters. Two
// different wishes for the same header are refused. Istio has no match by suffix, so that becomes a regular expression.
//
// The primary's route for all others in an A/B test has the weight 100. Flagger wrote what the primary has in the
// weighted route, 0, which Istio takes for 100 where there is one destination.
//
// A cookie is matched between the start of the header or a semicolon and a semicolon or the end, quoted. Flagger's
// pattern also met cookies of which ours is only a part.
//
// With service.portDiscovery the Services have several ports, and behind a gateway the caller's port says nothing of
// which is meant; so the destinations name it there, that of the mirror too.
//
// What else a user's VirtualService has in its spec (tls, exportTo, routes of the protocol that the service does not
// have) stays. Routes of that protocol which lead to our sides are what is left of a service that had it, and go.
//
// A VirtualService that a user made before the canary is taken over, and what it was is kept in one of its annotations,
// so that Release can restore it. Of one that Flagger took over, that is what the user applied last or else what Flagger
// kept; where both are of Flagger's making, Release leads all traffic to the apex Service.
//
// A DestinationRule is taken over only from a Flagger that could not set an owner: it has neither labels nor annotations
// and says nothing but the host and its policy. Any other of the name is somebody else's.
//
// Istio says nothing in the status unless it is told to (PILOT_ENABLE_STATUS, or its analysis), and then nothing counts
// as taken.
package istio
