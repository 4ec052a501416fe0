// Package docs tests the documentation: every YAML block is offered to a real API server, chart values are given to the
// real Helm, samples and the picture of the phases are those of the tree, and links lead somewhere. It holds tests only;
// `go test ./test/docs -update` writes samples and the picture anew.
//
// What a YAML block is stands behind the word yaml where it begins:
//
//	yaml                objects
//	yaml analysis       the spec.analysis of a canary, or some fields of it
//	yaml service        the same of spec.service
//	yaml overlay        a kustomization in a folder beside config
//	yaml values         what is set of the chart flagger
//	yaml values <name>  the same of another chart
package docs
