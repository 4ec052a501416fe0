//go:build !linux

// Command lab runs a real Kubernetes with a real proxy on one machine; package lab tells how.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "lab: needs Linux, whose namespaces it is made of; a virtual machine or a container with CAP_SYS_ADMIN will do")
	os.Exit(1)
}
