package standin

import "testing"

func TestDivisionIsExactInAnyStretch(t *testing.T) {
	const stretch = 200
	tests := map[string]struct {
		reason          string
		primary, canary float64
	}{
		"Rest":     {reason: "A share without weight gets nothing.", primary: 100},
		"Step":     {reason: "A quarter is a quarter.", primary: 75, canary: 25},
		"Half":     {reason: "Half is half.", primary: 50, canary: 50},
		"Switched": {reason: "All goes to the only one with weight.", canary: 100},
		"Other":    {reason: "Weights need not sum to 100.", primary: 3, canary: 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := division{{to: at("primary"), weight: test.primary}, {to: at("canary"), weight: test.canary}}
			want := test.canary / (test.primary + test.canary) * stretch
			for _, begin := range []uint64{1, 777, 1_000_003} {
				got := 0.0
				for n := begin; n < begin+stretch; n++ {
					to, _ := d.at(point(n))
					if to == at("canary") {
						got++
					}
				}
				if got < want-2 || got > want+2 {
					t.Errorf("%v of %d requests from the %dth on, want %v: %s", got, stretch, begin, want, test.reason)
				}
			}
		})
	}
}

func TestNoWeightIsNoDivision(t *testing.T) {
	for _, d := range []division{nil, {{to: at("primary")}, {to: at("canary")}}} {
		if to, found := d.at(0.5); found {
			t.Errorf("%v gives a request to %v, want nobody", d, to)
		}
	}
}
