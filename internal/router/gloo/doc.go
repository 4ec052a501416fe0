// Package gloo routes by one RouteTable of Gloo Edge and the two Upstreams that it leads to.
//
// # The objects
//
// The Upstreams are those of the primary's and the canary's Service. Weights are no matter of theirs, so that a step
// writes the RouteTable alone. They are there before the RouteTable leads to them; those of a port that the spec had
// before go one Apply after it has ceased to.
//
// The RouteTable has the name of the apex Service, and the user's VirtualService delegates to it. Of its spec the list
// of routes is ours, and each route inherits the path of the one that delegates:
//
//	weights  [primary and canary]
//	A/B      [primary and canary, for matching requests] [primary 100 and canary 0]
//
// In a route its matchers and where its requests go are ours. The rest of it, such as options, is the user's to say,
// as are the options of a destination.
//
// # Decisions
//
// All that the entries of analysis.match ask for must hold at once, as ever with this provider. The second route of an
// A/B test is there for the requests that do not match, which would meet no route otherwise. Users of Flagger had to
// give their VirtualService another for them.
//
// The Upstreams follow spec.upstreamRef in the fields that are copied from it. Without the reference these fields are
// the user's; one that was copied before goes with the next write. Its labels are inherited as the operator's
// -include-label-prefix says.
//
// An Upstream without an owner that leads to the side's Service was made by a Flagger that could not set one, and
// becomes the canary's. Any other Upstream of the name is somebody else's.
//
// Nobody is sent to the canary while an Upstream cannot be written, for want of the Service or spec.upstreamRef, but
// users come back without it. No watch tells of a spec.upstreamRef in another namespace, so a missing one is an error to
// try again after, not one that waits for another spec.
//
// A RouteTable that a user made before the canary is taken over if all it does is lead to the apex Service, by one route
// for any path, and what it was is kept in one of its annotations, so that Release can restore it. The Service may be
// named as such or by the Upstream that Gloo's discovery makes of it, which has the name <namespace>-<service>-<port>.
// Any other is refused: to overwrite it would be to move traffic which nobody spoke of.
//
// The status of a RouteTable does not say which generation it is about, so what it asks for counts as taken.
//
// The tests check the objects by a stand-in of our own for the CRDs of Gloo, testdata/stand-in.yaml, not by the
// project's schema.
package gloo
