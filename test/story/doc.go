// Package story is what the demo and the end-to-end tests share: a stage with the operator on it, an app under load,
// and a journal of everything that happens to it.
//
//	stage.go      a lab with our CRDs and the operator; everything ends with the stage
//	install.go    the CRDs
//	operator.go   the operator's process: started, stopped, killed
//	replica.go    instances of the operator beside each other
//	loadtester.go the load tester, at the address of a pod
//	container.go  a Deployment's container as a process in the lab, whose nodes run no images
//	app.go        a Canary and the objects around it
//	provider.go   the proxies that divide its traffic
//	users.go      what users have before they have a Canary
//	workload.go   its target, released by changing the image tag or the ConfigMap
//	traffic.go    requests through the gateway at a constant rate
//	journal.go    five watches folded into one sequence of moments
//	measure.go    what a sequence of moments says: weights, shares of the traffic, events, durations
//	audit.go      the operator's requests to the API server
//
// The operator runs inside the lab, so that none of its processes outlives the lab, however the starter ends.
package story
