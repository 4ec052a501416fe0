//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "demo: needs Linux, whose namespaces the lab is made of; a virtual machine or a container with CAP_SYS_ADMIN will do")
	os.Exit(1)
}
