// Command manager is the operator: it reads its flags, checks the cluster, and runs the reconciler of package
// controller until it is told to stop or, with leader election, until another instance leads.
//
//	main.go       flags -> options -> run       providers.go  the one table of what is built in
//	flags.go      names, defaults and help      mesh.go       the cluster that has the routes, if another
//	options.go    what the values may be        events.go     Kubernetes events
//	cluster.go    what the cluster must have    leader.go     the lease
//	manager.go    the manager, and the order    server.go     /metrics, /healthz, /readyz
//	operator.go   what is put into the manager  trim.go       memory that is given back at rest
//
// It is the only place that knows which providers exist, what time it is and how to exit.
package main
