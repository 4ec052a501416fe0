package compat

import "testing"

// Every path of the CRDs, its type and its validation are what users' manifests are written for.
func TestCRDGolden(t *testing.T) {
	for name, c := range ourCRDs(t) {
		t.Run(name, func(t *testing.T) {
			golden(t, "crd/"+name+".golden", describe(c))
		})
	}
}
