// Package fleet is what programs share that watch an operator at work on many canaries: a lab with our CRDs, the canaries
// and their workloads, what stands in for the parts that would cost more than the operator, and the operator's process.
//
//	cluster.go   a lab with our CRDs, and watches of it      answerer.go  stands in for Prometheus
//	fleet.go     making the canaries and changing them       gateway.go   stands in for a gateway
//	objects.go   what they consist of                        usage.go     CPU time and memory of a process
//	operator.go  the operator's process, and its profiles
//
// The operator runs outside of the lab and reaches the API server through the lab's listener. Pods are those of the lab,
// ready one to two seconds after they are scheduled. Thousands of queries at once would measure Prometheus, and a gateway
// reads all routes whenever one changes: hence the stand-ins, which are listeners and watches of the program itself.
package fleet
