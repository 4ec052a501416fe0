package world

import "time"

// dawn is when every story begins.
var dawn = time.Date(2026, time.March, 1, 6, 0, 0, 0, time.UTC)

// clock is the time of the world, and the operator's idea of it. It implements clock.PassiveClock for the operator.
type clock struct {
	now  time.Time
	skew time.Duration
}

// Now is what the operator takes for the time.
func (c *clock) Now() time.Time { return c.now.Add(c.skew) }

// Since is how long ago that was by the operator's clock.
func (c *clock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// pass lets time pass.
func (c *clock) pass(d time.Duration) { c.now = c.now.Add(d) }

// agenda finds the first of many times after now.
type agenda struct{ now, next time.Time }

func (a *agenda) add(t time.Time) {
	if t.After(a.now) && (a.next.IsZero() || t.Before(a.next)) {
		a.next = t
	}
}

// moment is a time by the world's clock and by the operator's.
type moment struct{ world, operator time.Time }

func (c *clock) moment() moment { return moment{world: c.now, operator: c.Now()} }

// since is how long ago that was, by the clock by which it was longer: a pause that another operator's clock cut short
// is nobody's fault.
func (c *clock) since(m moment) time.Duration { return max(c.now.Sub(m.world), c.Since(m.operator)) }
