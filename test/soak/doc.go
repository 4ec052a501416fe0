// Command soak lets an operator work for a long time on many canaries that are released at random, through a proxy that
// makes the API server as unreliable as networks do, and tells what was lost, what got stuck and what memory did.
//
//	soak -for 1h -canaries 200
//	soak -for 5m -canaries 50 -every 2m -seed 7
//
//	main.go     flags, signals, the exit code     history.go   what was pushed and seen of a canary
//	run.go      from lab to report                check.go     what must hold of a history
//	stage.go    what runs, and what ends it       book.go      the histories of all
//	author.go   who writes the releases           memory.go    what the operator's memory does
//	tell.go     a line a minute, and the table
//
// # What happens
//
// Each canary gets a release every few minutes: a new image; a bad one, whose metric fails; an edit of its ConfigMap; one
// that is replaced at any point of its run; one that is taken back there. Each is drawn from the seed, and so are the faults
// of package proxy: refused requests, resets, answers that are lost though the API server did what was asked, slow answers,
// watches that are cut and watches that are late, and storms in which nothing works.
//
// In the first tenth of the time each canary gets its first release. Then releases pause until all canaries rest, faults
// until the operator's idle connections have ended, and its heap and goroutines are counted. At the end the same is done
// again. Faults go on until all canaries rest, in both cases.
//
// There is one operator and no leader election: whoever cannot renew a lease ends, as it should. So does an operator that
// cannot reach the API server when it starts, which is why faults begin when it is ready.
//
// # What must hold
//
//	lost      a revision that nobody replaced within the bound is promoted by then; a bad one has failed, and the primary
//	          has what it had. The status names the target's revision
//	stuck     and no canary is on its way any more
//	bad       a bad image never is the primary's
//	hasty     nor does anything become the primary's sooner than its steps take
//	stale     nor is anything that the target has not had shortly before
//	mixed     a primary at rest has image and config of one release
//	unbidden  a canary that rests stays at rest until it is released
//	memory    heap and goroutines are as before, within the tolerance
//	operator  it does not end, and its log tells of no panic and no data race
//
// The bound is the least that a rollout takes (an interval per step, a drain, pods that start) and a tolerance for faults,
// for the run before it, and for the machine. What is seen of canaries and primaries is seen past the proxy.
package main
