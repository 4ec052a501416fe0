// Package manifest renders what users apply, reads YAML of objects and offers it to a real API server. Only tests
// import it.
package manifest
