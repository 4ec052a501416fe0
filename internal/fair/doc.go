// Package fair hands out workers to namespaces, so that a namespace whose hooks hang or whose canaries are many delays
// nobody else. Lines divides the workers; a Queue does so for those of a controller.
//
// The rule is that a namespace gets one more worker as long as it has fewer than are idle. One namespace alone so gets
// half of the workers, k that want all of them get 1/(k+1) each, and as much stays idle for whoever comes next. No
// number needs to be tuned, and it holds for any number of noisy namespaces, which a fixed share does not: two halves
// leave nothing.
//
// That is the dynamic threshold of A. Choudhury and E. Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet
// Switches", IEEE/ACM Transactions on Networking 6(2), 1998, with a multiple of 1.
package fair
