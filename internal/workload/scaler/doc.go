// Package scaler is what the operator knows of the user's autoscaler: HorizontalPodAutoscalers, and ScaledObjects of KEDA.
//
// # The copy
//
// The primary's autoscaler is the target's with another name: its spec is copied as a whole and then edited, so that
// fields which this program is too old to know are carried over. Both kinds are unstructured for that reason. The source
// is read from the API server and has its defaults spelled out, and so has the copy: they do not look like drift.
//
// Labels and annotations follow the target's, with these exceptions. Those of Flux stay behind, or Flux would prune the
// copy. Annotations by which other tools recognise what they delivered stay behind as well. KEDA labels a ScaledObject
// with its own name and finds its metrics by that label, so the copy has the copy's name there. And a pause is never
// copied: the target is paused whenever it rests, and a primary that took that over would be held at no pods. Whoever
// pauses the primary itself finds it paused still, except at 0 pods: Flagger left that mark on primaries by mistake.
//
// # The user's object
//
// Of the target's autoscaler one annotation is ours to write, as a patch of nothing else, and only while that autoscaler
// scales the target: a mistaken name in spec.autoscalerRef must not stop the pods of somebody else.
package scaler
