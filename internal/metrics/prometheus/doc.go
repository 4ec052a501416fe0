// Package prometheus asks Prometheus, and what speaks its HTTP API, for values. It answers the builtin and inline
// metrics, and the templates of type prometheus.
//
// # Credentials
//
// A Secret may hold `token` (bearer), else `username` and `password`, and besides them `ca.crt` (the only authority
// then trusted), `tls.crt` and `tls.key` (a client certificate). The last three are ours; Flagger knows none of them.
//
// # What is taken for what
//
// A query has one value: that of a scalar, or of the last series of a vector. No series, null and NaN are
// metrics.ErrNoData. A range of values, a string, a native histogram and the answers 400 and 422 are
// metrics.ErrQuery. All else, even an answer that is no JSON (a log-in page, say), is the provider's error.
//
// # What is shown
//
// Texts of errors come from here or from the standard library, as those of the JSON decoder quote the body. The body
// of a refusal is cut and freed of the credentials; redirects are followed only on the configured host.
package prometheus
