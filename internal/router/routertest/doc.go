// Package routertest is what every provider's router must do. A Provider describes one, and then there is
//
//	Run                one suite on a real API server
//	Golden             the pure half against golden objects, a folder a case
//	EveryCaseIsStored  the same cases against the API server
//	TakesOverFlagger   a recorded cluster of Flagger's
//	Bench              a namespace, canary and router with counted writes, for what is the provider's own
//
// Only tests import it.
package routertest
