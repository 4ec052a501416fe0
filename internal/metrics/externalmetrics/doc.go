// Package externalmetrics asks the Kubernetes API external.metrics.k8s.io for values: that of the operator's cluster,
// or of a metrics adapter at an address of its own.
//
// A query is [<namespace>/]<metric>[?labelSelector=<URL-encoded selector>]; the namespace is `default` otherwise. The
// Secret may hold `token`, a bearer token, and what every Secret of package httpapi may.
//
// The first item counts; without items, or with a null for its value, there is no data.
//
// # Whose credentials
//
// The operator's own credentials go to its own API server and nowhere else: an address gets the Secret's token or none,
// and is reached with connections that know nothing of the cluster. Without an address the Secret's token, if any,
// replaces the operator's credentials.
//
// # Why not the client of k8s.io/metrics
//
// Its queries take no context, so they would outlive their deadline, and its types read null as 0.
package externalmetrics
