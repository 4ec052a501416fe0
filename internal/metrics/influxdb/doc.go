// Package influxdb asks InfluxDB 2 for values, in Flux, through its official client.
//
// The Secret, which a server without authentication does not need, holds `token` and `org`, the organisation's name or
// id, and what every Secret of package httpapi may.
//
// The `_value` of the first record counts, if it is a number: a float, or the integer of a count(). No record, null and
// NaN are no data. A record without `_value`, or with one that is no number, is the query's fault. An error that the
// server reports in the midst of an answer is the provider's, as it does not say whose it is. A script yields one result:
// of several the server chooses the order.
package influxdb
