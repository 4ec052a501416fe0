// Package appmesh routes by the objects of AWS App Mesh's controller for Kubernetes.
//
// # The objects
//
// Of v1beta2, for an apex podinfo, in the order in which they are written:
//
//	VirtualNode     podinfo-primary, podinfo-canary   the pods behind the Service of the name
//	VirtualRouter   podinfo-canary                    everything to the canary
//	VirtualService  podinfo-canary                    leads to that router
//	VirtualRouter   podinfo                           the weights
//	VirtualService  podinfo                           leads to that router; this is what clients call
//
// In v1beta1 a VirtualService has its router inside. They are called podinfo.test and podinfo-canary.test in the
// namespace test, the former has the weights, and there is a VirtualNode podinfo that stands for the primary's pods too.
//
// The weights are those of the first route, [canary 10] [primary 90], with both sides at all times. In an A/B test each
// entry of analysis.match has such a route, podinfo-a, podinfo-a-2 and so on, with priorities from 10, and the rest of
// the traffic has podinfo-b, priority 20, to the primary. A step writes the object with the weights and no other.
//
// # Decisions
//
// All objects are read before the first is written, so one that belongs to somebody else stops the others as well. What
// traffic is led to exists before it is led there, and whatever a crash has left out is made by the next Apply.
//
// App Mesh puts its proxy into pods that have a VirtualNode as they start. Prepare makes the VirtualNodes, to which
// nothing leads yet, before there is a primary; the rest follows when that is ready, as with every provider.
//
// A VirtualNode of v1beta2 selects the pods that its Service selects, whatever label tells them apart. Those of a target
// that is a Service are the user's to put into a mesh, and so are those of another cluster. App Mesh wants a pod to be
// of one VirtualNode: a user's that selects the target's pods must go before the canary comes.
//
// Listener and route must speak the same protocol, so for one of gRPC there are grpcRoutes, which match metadata where
// the others match headers, and no prefix. The headers of one entry of analysis.match must all be there; of the
// entries one is enough. An entry without headers is refused, as it would be everybody; so is one that asks for more.
//
// Of retries, App Mesh's lists tell events of HTTP, TCP and gRPC apart, which service.retries.retryOn does not. One that
// App Mesh does not know is refused.
//
// A VirtualRouter or VirtualService of the apex, and in v1beta1 its VirtualNode, that a user made before the canary is
// taken over if all it does is lead to a VirtualNode of the apex's name or its Service. What it was is kept in one of
// its annotations, so that Release can restore it. Others are refused: to overwrite them would be to move traffic which
// nobody spoke of. Flagger gave all of its objects an owner; where it could not, in another cluster, they are known by
// leading to the two sides. They stay when the canary goes, as there is nothing else to which they could lead.
//
// Names that the controller fills in, such as awsName and meshRef, are not ours and stay, and so does the name of a
// router of v1beta1.
//
// The status of a VirtualRouter of v1beta2 tells whether App Mesh has taken it. That of v1beta1 does not say which
// generation it is about, so what is asked for counts as taken.
//
// The real CRDs of v1beta1 are not to be had any more. The tests add it to those of v1beta2 in the shape that
// testdata/v1beta1.yaml describes.
package appmesh
