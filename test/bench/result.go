//go:build linux

package main

import (
	"runtime"
	"slices"
	"time"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/fleet"
)

// Result is what was measured of one operator. A phase that was not measured is nil.
type Result struct {
	Operator   string        `json:"operator"` // the binary
	Cores      int           `json:"cores"`    // of the machine
	Canaries   int           `json:"canaries"`
	Replicas   int           `json:"replicas"` // of each target
	Interval   float64       `json:"intervalSeconds"`
	Steps      int           `json:"steps"`
	Gateway    fleet.Gateway `json:"gateway"`
	Initialise *Initialise   `json:"initialise,omitempty"`
	Idle       *Idle         `json:"idle,omitempty"`
	Reaction   *Reaction     `json:"reaction,omitempty"`
	Rollouts   *Rollouts     `json:"rollouts,omitempty"`
	Restart    *Restart      `json:"restart,omitempty"`
}

// Cost is what an operator used in a phase.
type Cost struct {
	Window   float64        `json:"windowSeconds"`
	Requests int            `json:"requests"` // to the API server, without the two below
	Leases   int            `json:"leaseRequests"`
	Watches  int            `json:"watchesOpened"`
	Kinds    map[string]int `json:"requestsByKind"` // the requests, by verb and resource
	Answers  Spread         `json:"answerSeconds"`  // what the API server took for these
	Queries  int64          `json:"queries"`        // to Prometheus
	CPU      float64        `json:"cpuSeconds"`
	RSS      int64          `json:"rssBytes"` // at the end
	Peak     int64          `json:"peakRSSBytes"`
	Machine  float64        `json:"machineCPUSeconds"` // of all processes
	Bench    float64        `json:"benchCPUSeconds"`   // of the measuring process
}

// Initialise is how the canaries came up.
type Initialise struct {
	Seconds float64 `json:"seconds"` // from the first Canary made to the last one Initialized
	Cost    Cost    `json:"cost"`
}

// Idle is a time without events.
type Idle struct {
	Cost Cost `json:"cost"`
}

// Reaction is how a few rollouts went, nearly alone.
type Reaction struct {
	Reaction Spread `json:"reactionSeconds"` // from the request that changes the image to Progressing
	Took     Spread `json:"tookSeconds"`     // to the end
	Failed   int    `json:"failed"`
}

// Rollouts is how all went at once. Times count from the first change.
type Rollouts struct {
	Changed  float64 `json:"changedSeconds"` // until the API server had the last change
	LastDone float64 `json:"lastDoneSeconds"`
	Least    float64 `json:"leastSeconds"` // steps times the interval
	Failed   int     `json:"failed"`
	Reaction Spread  `json:"reactionSeconds"` // each from its own change
	Lateness Spread  `json:"latenessSeconds"` // of all ticks
	// StepLateness is that of ticks that move traffic, PromotionLateness of those that copy everything to the primary.
	StepLateness      Spread `json:"stepLatenessSeconds"`
	PromotionLateness Spread `json:"promotionLatenessSeconds"`
	Cost              Cost   `json:"cost"`
}

// Restart is how soon an operator, just started, finds the canaries that changed without it. Seconds count from its start.
type Restart struct {
	First float64 `json:"firstSeconds"`
	All   float64 `json:"allSeconds"`
	Cost  Cost    `json:"cost"`
}

// Spread are percentiles, in seconds.
type Spread struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func newResult(s settings, binary string) Result {
	return Result{
		Operator: binary, Cores: runtime.NumCPU(), Canaries: s.canaries, Replicas: s.replicas,
		Interval: s.interval.Seconds(), Steps: len(steps), Gateway: s.gateway,
	}
}

// spreadOf returns percentiles by the nearest rank: the smallest value that so many percent of all do not exceed.
// Those of no values are zero.
func spreadOf(values []time.Duration) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	at := func(percent int) float64 {
		rank := (len(sorted)*percent + 99) / 100
		return sorted[max(rank, 1)-1].Seconds()
	}
	return Spread{P50: at(50), P99: at(99), Max: at(100)}
}

// ticks are how late ticks were.
type ticks struct{ steps, promotions []time.Duration }

// lateTicks returns how late the ticks of one canary were: the times between two changes of its weight in phase
// Progressing, and between the last of these and the promotion, less the interval. Early ones are negative.
func lateTicks(moments []moment, interval time.Duration) ticks {
	var late ticks
	var before *moment // the tick before, if it was one of the same run
	for i, m := range moments {
		switch {
		case m.phase == v1beta1.PhaseProgressing && m.weight > 0:
			if before != nil && before.weight == m.weight {
				continue
			}
			if before != nil {
				late.steps = append(late.steps, m.at.Sub(before.at)-interval)
			}
			before = &moments[i]
		case m.phase == v1beta1.PhasePromoting && before != nil:
			late.promotions = append(late.promotions, m.at.Sub(before.at)-interval)
			before = nil
		default:
			before = nil
		}
	}
	return late
}
