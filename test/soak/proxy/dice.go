package proxy

import (
	"math/rand/v2"
	"sync"
	"time"
)

const (
	longestLife  = 2 * time.Minute // of a watch that is cut
	longestStorm = 8 * time.Second
)

// dice draw what happens. Their methods may be called from any goroutine.
type dice struct {
	rates   Rates
	longest time.Duration // delay
	life    time.Duration // of a watch that is cut, at most
	mutex   sync.Mutex
	rnd     *rand.Rand
}

// fate is what is drawn for a watch. Zero means that it does not happen.
type fate struct {
	life  time.Duration // until the watch is cut
	delay time.Duration // of its events
}

func newDice(rates Rates, longest time.Duration, seed uint64) *dice {
	return &dice{rates: rates, longest: longest, life: longestLife, rnd: rand.New(rand.NewPCG(seed, 0))}
}

// fault draws one of faults, or none.
func (d *dice) fault(faults []Fault) Fault {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	left := d.rnd.Float64()
	for _, fault := range faults {
		if left -= d.rates[fault]; left < 0 {
			return fault
		}
	}
	return none
}

// delay draws how much later an answer comes.
func (d *dice) delay() time.Duration { return d.upTo(d.longest) }

// storm draws how long a storm lasts.
func (d *dice) storm() time.Duration { return d.upTo(longestStorm) }

// watch draws what happens to a watch.
func (d *dice) watch() fate {
	f := fate{}
	if d.fault([]Fault{Cut}) == Cut {
		f.life = d.upTo(d.life)
	}
	if d.fault([]Fault{Late}) == Late {
		f.delay = d.upTo(d.longest)
	}
	return f
}

// calm draws how long it takes to the next storm, of which there is one in mean, independently of each other.
func (d *dice) calm(mean time.Duration) time.Duration {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return time.Duration(d.rnd.ExpFloat64() * float64(mean))
}

// rough draws how a request ends in a storm.
func (d *dice) rough() Fault {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return ofOpening[d.rnd.IntN(len(ofOpening))]
}

// upTo draws a time of more than nothing and at most longest.
func (d *dice) upTo(longest time.Duration) time.Duration {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return 1 + time.Duration(d.rnd.Int64N(int64(longest)))
}
