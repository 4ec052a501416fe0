// Package config tests the kustomize bases and the samples of folder config with the real kustomize, the real Helm, a
// real API server and the real binaries. It holds tests only.
package config
