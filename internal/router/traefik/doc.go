// Package traefik routes by one weighted TraefikService, to which the user's own IngressRoute leads.
//
// # The object
//
// The TraefikService has the name of the apex Service. Of its spec only the list weighted.services is ours, which is
// one of these:
//
//	at rest   [primary 100]
//	a step    [primary 90, canary 10]
//	switched  [canary 100]
//
// A side without traffic has no entry. Traefik takes a missing weight for 1, and unless it is told to allow empty
// Services it drops the whole TraefikService when one entry's Service has no endpoints: an idle canary has none, and a
// broken primary must not take the canary that heals it off the air.
//
// # Decisions
//
// How Traefik reaches a side (scheme, serversTransport, passHostHeader and whatever else an entry may have) is the
// user's to say. A side that comes back takes it from the entry that is there, so that a change made at rest
// holds for the canary too.
//
// A TraefikService that a user made before the canary is taken over if all it does is lead to the apex Service, and
// the list it had is kept in one of its annotations, so that Release can restore it; its labels and other fields stay
// as they are. One that mirrors, fails over or divides traffic between other Services is refused: to overwrite it
// would be to move traffic which nobody spoke of.
//
// The group is traefik.io, or traefik.containo.us where the cluster serves that alone. What an object of the older
// group says is of no account where both are served.
//
// The TraefikService has no status, so what it asks for counts as taken.
package traefik
