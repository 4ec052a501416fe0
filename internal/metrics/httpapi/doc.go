// Package httpapi calls the HTTP API of a metrics back end. The clients of back ends are built on it: by Get, where an
// answer is one JSON document, or by Do, which an SDK takes for its HTTP client.
//
// # Credentials
//
// Which keys of the Secret identify the operator is the provider's to say. Besides them every Secret may hold `ca.crt`
// (the only authority then trusted), `tls.crt` and `tls.key` (a client certificate).
//
// # What is taken for what
//
// The answers 400 and 422 are the query's fault. Any other answer that is no success, no answer, and one that cannot
// be decoded (a log-in page, say) are the back end's.
//
// # What is shown
//
// Texts of errors come from here or from the standard library, as decoders quote what they read. The body of a refusal
// is cut and freed of the credentials; redirects are followed only on the configured host.
package httpapi
