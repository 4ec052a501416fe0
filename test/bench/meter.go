//go:build linux

package main

import (
	"time"

	"flagger.app/flagger/test/fleet"
)

// meter measures what the operator costs between begin and end.
type meter struct {
	bench        *bench
	from         time.Time
	operator     fleet.Usage
	machine, own time.Duration
	queries      int64
}

func (b *bench) begin() (meter, error) {
	m := meter{bench: b, from: time.Now(), queries: b.answerer.Queries.Load(), own: fleet.OwnUsed()}
	if err := fleet.ForgetPeak(b.operator.PID()); err != nil {
		return m, err
	}
	var err error
	if m.machine, err = fleet.MachineUsed(); err != nil {
		return m, err
	}
	m.operator, err = fleet.Used(b.operator.PID())
	return m, err
}

func (m meter) end() (Cost, error) {
	to, own := time.Now(), fleet.OwnUsed()
	now, err := fleet.Used(m.bench.operator.PID())
	if err != nil {
		return Cost{}, err
	}
	machine, err := fleet.MachineUsed()
	if err != nil {
		return Cost{}, err
	}
	requests, err := audit(m.bench.cluster.State, m.from, to)
	if err != nil {
		return Cost{}, err
	}
	return Cost{
		Window:   to.Sub(m.from).Seconds(),
		Requests: requests.Counted,
		Leases:   requests.Leases,
		Watches:  requests.Watches,
		Kinds:    requests.Kinds,
		Answers:  spreadOf(requests.Took),
		Queries:  m.bench.answerer.Queries.Load() - m.queries,
		CPU:      (now.CPU - m.operator.CPU).Seconds(),
		RSS:      now.RSS,
		Peak:     now.Peak,
		Machine:  (machine - m.machine).Seconds(),
		Bench:    (own - m.own).Seconds(),
	}, nil
}
