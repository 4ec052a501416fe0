// Package podserver answers for every pod of a cluster without a kubelet. Pods there have addresses and nothing
// behind them; this one server listens on all addresses, finds by the local address of each connection which pod
// was meant, and answers as that pod would.
//
// # What a pod answers
//
// Any path gives 200 and a JSON document with the pod's name, namespace and version; the headers X-Pod and
// X-Version repeat them. The version is the image tag of the first container. /healthz is answered without faults
// and without being counted; /metrics gives the pod's own metrics.
//
// A first container with the environment variable CONFIG adds "+" and its value to the version, so that 1.0.1 with
// the value blue is 1.0.1+blue. A value out of a ConfigMap is read when the pod gets its address and kept to the pod's
// end, as containers keep the environment that they start with.
//
// # Faults by version
//
// A version's parts, separated by "-", choose what is wrong with an image, so that a test makes a bad release as a
// user does, by naming an image or editing a ConfigMap:
//
//	1.0.1             healthy
//	1.0.1-err20       20 % of the answers are HTTP 500, spread evenly: with 20, every fifth
//	1.0.1-slow300     every answer takes 300 ms longer
//	1.0.1-err5-slow50 both
//	1.0.1-tail2000    every hundredth answer takes 2 s longer
//	1.0.1+blue-err20  errors by configuration
//	1.0.1-stuck       never becomes ready (the lab's kwok stages see to it: the pod stays Pending)
//
// An answer that a fault made carries X-Fault: app. A failed request without it was failed by the platform.
//
// # Life and death
//
// A pod answers from the moment it has an address until it is gone from the API server, so a draining pod (one
// with a deletion timestamp) still answers through its grace period; it asks its clients to close their
// connections, as a well-behaved server does on shutdown. A connection to an address without a live pod is reset.
//
// # Metrics
//
// Each pod counts http_requests_total and the histogram http_request_duration_seconds (seconds) by method, path
// and status, as applications do that export their own metrics. Every series also carries kubernetes_namespace
// and kubernetes_pod_name, the labels that a scrape through the Kubernetes API would add, and MetricsHandler gives
// those of all pods at once: one target that follows pods without delay, where Prometheus's own discovery waits
// five seconds. Series start at zero when the pod does and end with it.
package podserver
