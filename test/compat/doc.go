// Package compat pins the public surface of the project: what users, dashboards, scripts and GitOps tools read and
// write. It holds tests and goldens only; `go test ./test/compat -update` rewrites the goldens, and a review reads
// their diff as the list of what changes for users.
package compat
