// Package routertest is what every provider's router must do: one suite on a real API server (Run), and golden objects
// for the pure half (Golden). Only tests import it.
package routertest
