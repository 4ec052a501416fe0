// Package gate keeps the switches that hold a rollout or roll it back by hand. A canary has one of each kind: its gate,
// which every confirm hook asks, and its rollback. Both are closed until somebody opens them.
//
// Memory is what a single load tester needs: a restart closes everything. ConfigMap is for several replicas, or for
// switches that outlive a restart: one ConfigMap holds them all, so that any replica answers for all of them, and
// kubectl shows and changes them too:
//
//	data:
//	  gate.podinfo.test: open
//	  rollback.podinfo.test: open
//
// Nothing is cached: a switch is asked for once per analysis interval, and an answer that is out of date lets a rollout
// pass that somebody has just stopped.
package gate
