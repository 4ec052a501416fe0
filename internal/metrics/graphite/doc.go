// Package graphite asks Graphite's render API for values.
//
// A query is the query of the URL itself, as in target=…&from=-2min. A Secret holds `username` and `password`, and
// what every Secret of package httpapi may.
//
// The last value counts: the last point that is neither null nor NaN, of the last series that has one. Without such a
// point there is no data.
package graphite
