// Package gatewayapi routes by one HTTPRoute of the Gateway API, in version v1 or v1beta1.
//
// # The object
//
// The HTTPRoute has the name of the apex Service and is written whole: parents, hostnames, rules and labels are ours
// alone, foreign annotations stay. Its rules are, in this order:
//
//	weights          [weighted]
//	A/B              [weighted, for matching requests] [primary, for all others]
//	session affinity [canary, for its cookie] [primary, for its cookie] [weighted, setting the cookies]
//	after affinity   [weighted, expiring the canary's cookie for who still sends it] [weighted]
//
// The weights of a run are thus those of the rule that has both backends and asks for no cookie.
//
// # Decisions
//
// Lists made of maps are sorted and the defaults of the CRD are spelled out, so that what is stored is what was
// rendered and a second Apply finds nothing to do.
//
// Selectors that the Gateway API lacks are refused for analysis.match. Left out, they would widen the condition, and
// an A/B test would send everybody to the canary. In service.match, what has no counterpart is left out, as Flagger
// does: there it widens only what both sides serve.
//
// A cookie is matched between the start of the header or a semicolon and a semicolon or the end, quoted, because
// implementations differ in whether an expression has to match all of the header.
//
// retries are not mapped: rules[].retry is in the experimental channel alone, and the CRD of the standard channel
// refuses an object that has it.
//
// An HTTPRoute that a user made before the canary is taken over, and what it was is kept in one of its annotations, so
// that Release can restore it.
package gatewayapi
