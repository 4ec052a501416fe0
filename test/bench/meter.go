//go:build linux

package main

import (
	"syscall"
	"time"
)

// meter measures what the operator costs between begin and end.
type meter struct {
	bench        *bench
	from         time.Time
	operator     usage
	machine, own time.Duration
	queries      int64
}

func (b *bench) begin() (meter, error) {
	m := meter{bench: b, from: time.Now(), queries: b.answerer.queries.Load(), own: ownUsed()}
	if err := forgetPeak(b.operator.pid()); err != nil {
		return m, err
	}
	var err error
	if m.machine, err = machineUsed(); err != nil {
		return m, err
	}
	m.operator, err = used(b.operator.pid())
	return m, err
}

func (m meter) end() (Cost, error) {
	to, own := time.Now(), ownUsed()
	now, err := used(m.bench.operator.pid())
	if err != nil {
		return Cost{}, err
	}
	machine, err := machineUsed()
	if err != nil {
		return Cost{}, err
	}
	requests, err := audit(m.bench.state, m.from, to)
	if err != nil {
		return Cost{}, err
	}
	return Cost{
		Window:   to.Sub(m.from).Seconds(),
		Requests: requests.Counted,
		Leases:   requests.Leases,
		Watches:  requests.Watches,
		Kinds:    requests.Kinds,
		Queries:  m.bench.answerer.queries.Load() - m.queries,
		CPU:      (now.cpu - m.operator.cpu).Seconds(),
		RSS:      now.rss,
		Peak:     now.peak,
		Machine:  (machine - m.machine).Seconds(),
		Bench:    (own - m.own).Seconds(),
	}, nil
}

// ownUsed is the CPU time that this process has used.
func ownUsed() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // it cannot fail for oneself
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
