// Package standin is a small reverse proxy that stands in for Apache APISIX and for a Service mesh which reads
// TrafficSplits, such as Linkerd with its SMI extension. Neither can be had as a Go module. What it shows is that the
// real objects of the API server, checked by the projects' own CRDs, say what the operator means; it does not show
// how the real proxies behave, and no figure measured here is one of theirs.
//
// # Requests
//
//	Host of an ApisixRoute's rule       the rule's backends, by weight
//	Host <service>.<namespace>[.svc..]  the Service, or the backends of the TrafficSplit whose root it is, by weight
//
// Of the rules that match a request the one with the longest path is taken, and among those the one of the highest
// priority, as APISIX does. A rule's plugins, conditions beside host, path and method, and its stream part mean nothing
// here, and neither do the matches of a TrafficSplit. Requests go straight to the addresses of ready pods, as
// EndpointSlices have them; where there is none the answer is 503, and where no object speaks of the Host, 404.
//
// The share of a backend is exact over any few hundred requests rather than by chance, so that a short test sees it.
//
// # Metrics
//
// MetricsHandler serves what the builtin queries read, under the names of the real ones, with the labels that they are
// selected by: apisix_http_status and apisix_http_latency (ms) by route, as APISIX has it with prefer_name, that is
// <namespace>_<ApisixRoute>_<rule>; response_total and response_latency_ms by namespace and deployment, as the
// Linkerd proxies beside the pods count them. Of a pod's name, all but its last two parts are its Deployment's.
package standin
