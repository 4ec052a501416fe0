// Package image holds the Dockerfiles against the tree that they build, as no container engine is needed to read them.
package image
