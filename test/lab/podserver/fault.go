package podserver

import (
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// fault is what an image does wrong. The zero value is a healthy image.
type fault struct {
	errorPercent uint64        // of the answers, 0 to 100
	latency      time.Duration // added to every answer
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

// strikes tells whether the next answer fails. Failures are spread evenly rather than at random (Bresenham's
// error diffusion), so that the share is exact over any hundred answers and a short test sees it.
func (f fault) strikes(answered *atomic.Uint64) bool {
	n := answered.Add(1)
	return n*f.errorPercent/100 != (n-1)*f.errorPercent/100
}
