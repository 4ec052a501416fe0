// Package keptn asks Keptn, in the operator's own cluster, for values: the value of a KeptnMetric, or whether an
// Analysis passes, as 1 or 0.
//
// A query is <type>/<namespace>/<name>[/<duration>[/<argument>=<value>;…]]. The type is keptnmetric or analysis, or
// their plurals; duration and arguments are those of an analysis, which is about the last minute otherwise. What comes
// before the arguments is taken in lower case.
//
// # What is taken for what
//
// A metric without a value, or with NaN, is no data. If it says instead that Keptn could not ask, that is Keptn's error.
//
// # Analyses
//
// An Analysis is an object: it is made for the query, watched over until it is completed and removed again, whatever
// came out. Keptn has ten seconds for it, and no more than the context has.
package keptn
