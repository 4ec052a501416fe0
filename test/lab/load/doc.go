// Package load sends requests at a constant rate and counts how they end, by version and status, telling the
// failures that the app made on purpose from those that the platform made on the way.
package load
