// Command demo plays two releases of a sample app on a real cluster with live traffic: a good one that is promoted, and
// a bad one that is rolled back. It exits 0 if both ended as they must and no request failed but by the app's own doing.
//
//	main.go     flags, signals, the exit code
//	play.go     the two stories, from the lab's first process to the last figure
//	watch.go    tells what happens while a story waits
//	screen.go   a block that is redrawn on a terminal, a line per change elsewhere
//	frame.go    what block and line say
//	report.go   the end: events, figures, verdict
//	keep.go     what stays with -keep
package main
