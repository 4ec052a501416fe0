package podserver

import (
	"strconv"
	"strings"
	"time"
)

// fault is what an image does wrong. The zero value is a healthy image.
type fault struct {
	errorPercent uint64        // of the answers, 0 to 100
	latency      time.Duration // added to every answer
	tail         time.Duration // added to every hundredth answer
}

// parseFault reads the faults of a version; parts it does not know mean nothing.
func parseFault(version string) fault {
	var f fault
	for part := range strings.SplitSeq(version, "-") {
		if percent, ok := number(part, "err"); ok && percent <= 100 {
			f.errorPercent = percent
		}
		if milliseconds, ok := number(part, "slow"); ok {
			f.latency = time.Duration(milliseconds) * time.Millisecond
		}
		if milliseconds, ok := number(part, "tail"); ok {
			f.tail = time.Duration(milliseconds) * time.Millisecond
		}
	}
	return f
}

func number(part, prefix string) (uint64, bool) {
	digits, found := strings.CutPrefix(part, prefix)
	if !found {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	return n, err == nil
}

// delay is how much longer answer n takes; n counts from 1.
func (f fault) delay(n uint64) time.Duration {
	if n%100 == 0 {
		return f.latency + f.tail
	}
	return f.latency
}

// strikes tells whether answer n fails; n counts from 1. Failures are spread evenly rather than at random (Bresenham's
// error diffusion), so that the share is exact over any hundred answers and a short test sees it.
func (f fault) strikes(n uint64) bool {
	return n*f.errorPercent/100 != (n-1)*f.errorPercent/100
}
