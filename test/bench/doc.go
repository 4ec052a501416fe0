// Command bench measures what an operator costs and how fast it is, on a real API server with any number of canaries,
// and prints one table. Several operators are measured in turn, each on a lab of its own, and set in relation.
//
//	bench -canaries 100
//	bench -canaries 500 -operator bin/flagger,/path/to/another -json result.json
//
//	main.go     flags, signals, the exit code      result.go   figures, and their arithmetic
//	run.go      one operator, from lab to result   table.go    the table
//	phases.go   what is measured, phase by phase   follow.go   when which canary was in which phase
//	release.go  what is released                   audit.go    the operator's requests to the API server
//	meter.go    what a phase cost                  profile.go  pprof, where it is offered
//
// The canaries, the operator's process and what stands in for Prometheus and a gateway are those of package fleet.
//
// # What is used of the operator
//
// Its documented flags, the status of its Canaries, the audit log and /proc, so that whatever is compatible with Flagger
// can be measured. It runs outside of the lab and reaches the API server through the lab's listener.
//
// # What is measured
//
//	initialise  from the first Canary made to the last one Initialized; the workloads ran before
//	idle        nothing happens: requests, CPU time and memory
//	reaction    a few canaries get a new image, one after the other: from the request that changes it, to the watch
//	            event that says Progressing
//	rollouts    all get a new image at once: until the last has ended, requests, memory, how late ticks are
//	restart     a few canaries get a new image while the operator is down: from its start to the last of them in
//	            Progressing, which the operator finds wherever they are among the others
//
// A tick's lateness is the time between two changes of a canary's weight (or the last of them and the promotion) less
// the interval, so that what it takes to carry out, three requests for a promotion, is part of it. The least that a
// rollout can take is its steps times the interval; starting pods and draining come on top, as the rollouts of the phase
// reaction show, which are nearly alone.
//
// Times are those at which watch events reach this process. Pods are those of the lab, ready one to two seconds
// after they are scheduled. Prometheus is a listener of this process that gives every query the same answer, as thousands
// of queries at once would measure Prometheus. The gateway is this process too, unless Traefik is asked for: it accepts
// every generation of a route at once. Traefik reads all routes whenever one changes.
//
// The lab shares the machine with the operator. The cores that were busy, what the operator and this process had of them,
// and how long the API server takes to answer tell who sets the limit.
package main
