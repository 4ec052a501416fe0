package standin

import "math"

// share is a port of a Service with its part of the traffic, of whatever the parts sum to.
type share struct {
	to     servicePort
	weight float64
}

// division is how the traffic of one route is divided.
type division []share

// at returns the port that has the point x, from 0 to below 1, if the shares are laid side by side on that line. It
// returns false where no share has any weight.
func (d division) at(x float64) (servicePort, bool) {
	sum := 0.0
	for _, s := range d {
		sum += s.weight
	}
	var last servicePort
	found := false
	x *= sum
	for _, s := range d {
		if s.weight <= 0 {
			continue
		}
		last, found = s.to, true
		if x < s.weight {
			break
		}
		x -= s.weight
	}
	return last, found
}

// point is the nth of a sequence that covers the line from 0 to 1 evenly wherever it is cut: the multiples of the
// golden ratio without their whole parts (additive recurrence; D. E. Knuth, TAOCP vol. 3, 6.4, theorem S).
func point(n uint64) float64 {
	_, fraction := math.Modf(float64(n) * (math.Phi - 1))
	return fraction
}
