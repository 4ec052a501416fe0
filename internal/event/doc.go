// Package event writes core/v1 events to the API server.
//
// Many canaries may have something to tell in the same second, and the API server takes its time. So whoever records
// an event never waits: it queues behind the others of the same object, and a few workers take turns at the objects.
// The events of one object are thus written in order, and none is lost because others are many. client-go's broadcaster,
// which this takes the place of, writes one event at a time and drops what a short queue cannot hold; counting and
// combining repeated events is still client-go's.
//
// The queue is bounded all the same. What it has to give up is counted.
package event
