// Command sbom writes the bill of materials of Go programs, from what the compiler has recorded in them.
//
// Usage: go run -C hack/sbom . VERSION FILE...
//
// Beside each FILE it writes FILE.cdx.json, in CycloneDX's JSON. The program is the subject, at VERSION, with the hash of
// the file; its modules, and the standard library they were compiled with, are the components, each with the package URL
// by which databases of vulnerabilities know it. What only tests or tools need is not in a program and not in its bill.
//
// The same file makes the same bill, byte for byte: it holds no time and no random number.
package main
