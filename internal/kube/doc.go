// Package kube is what every adapter needs of Kubernetes: applying an object without writing what is already there,
// saying whose an object is, and copying metadata without the marks of the tools that delivered the source.
//
// # One way to write
//
// Objects that somebody else may also edit are written by server-side apply under one field manager, so that what we
// no longer want goes and what others added stays. Fields that Flagger wrote with plain updates are handed to that
// manager first, or they would outlive us. Apply compares before it writes: the caller names the subtrees that it
// owns whole, because caches strip the managed fields that could tell what to drop.
package kube
