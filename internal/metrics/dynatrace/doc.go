// Package dynatrace asks the metrics API, version 2, of a Dynatrace environment for values.
//
// A query is a metric selector. It is asked about the last ten intervals of the metric as one point, resolution=Inf.
// The Secret holds `dynatrace_token`, a token that may read metrics, and what every Secret of package httpapi may.
//
// The first value of the last entry counts; if it is null or missing there is no data.
package dynatrace
