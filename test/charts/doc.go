// Package charts tests the Helm charts with the real Helm, a real API server and the real binaries: what the charts
// render is linted, compared with goldens, offered to the API server as a dry run, and its command lines to the binaries.
package charts
