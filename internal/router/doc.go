// Package router is the port to the providers that divide live traffic, and the table that finds them.
//
// A provider is a package below this one and a row of the table. A row says what the provider can do, so that a
// canary which asks for more is told so before any traffic moves, and which objects to watch, so that drift is
// repaired at once. Names are matched exactly: an unknown one is an error, never somebody's default.
//
// The routing object is an actuator. Apply is given all that must hold, weights included, on every call, and so a
// correction of drift cannot lose the weights of a run under way.
//
// What providers do alike is here too: Deps reads, writes and lets go of a routing object, TakeOver keeps what a user's
// was before, and Copier is all of a router but for pure functions, for a provider that is told of a canary by a copy of
// a user's object.
package router
