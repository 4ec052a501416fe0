package telemetry

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// record is what the series of one target show. Prometheus' own vectors would hold each of them as an object with labels of
// its own, six times as large.
type record struct {
	status   values // at most one, without a label
	progress values // by phase
	checks   values // by verdict
	analysis values // by metric
	outcomes []outcome
	duration *durations // nil before the first analysis
}

// values are the series of one metric of a target, which differ in one label.
type values []value

type value struct {
	label  string
	number float64
}

func (v *values) set(label string, number float64) {
	if i := v.index(label); i >= 0 {
		(*v)[i].number = number
		return
	}
	*v = append(slices.Clip(*v), value{label, number})
}

func (v *values) drop(label string) {
	if i := v.index(label); i >= 0 {
		*v = slices.Delete(*v, i, i+1)
	}
}

func (v *values) index(label string) int {
	return slices.IndexFunc(*v, func(known value) bool { return known.label == label })
}

// outcome counts runs that ended in one way.
type outcome struct {
	desc             *prometheus.Desc
	strategy, status string
	runs             float64
}

// count counts one more run that ended so.
func (r *record) count(desc *prometheus.Desc, strategy, status string) {
	i := slices.IndexFunc(r.outcomes, func(o outcome) bool { return o.desc == desc && o.strategy == strategy && o.status == status })
	if i < 0 {
		i = len(r.outcomes)
		r.outcomes = append(slices.Clip(r.outcomes), outcome{desc: desc, strategy: strategy, status: status})
	}
	r.outcomes[i].runs++
}

// durations is a histogram over prometheus.DefBuckets, in seconds.
type durations struct {
	below []uint64 // by bucket, with those of the buckets before
	all   uint64
	sum   float64
}

func newDurations() *durations { return &durations{below: make([]uint64, len(prometheus.DefBuckets))} }

func (d *durations) observe(seconds float64) {
	for i, bound := range prometheus.DefBuckets {
		if seconds <= bound {
			d.below[i]++
		}
	}
	d.all++
	d.sum += seconds
}

func (d *durations) buckets() map[float64]uint64 {
	buckets := make(map[float64]uint64, len(d.below))
	for i, bound := range prometheus.DefBuckets {
		buckets[bound] = d.below[i]
	}
	return buckets
}
