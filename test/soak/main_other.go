//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "soak: needs Linux, whose namespaces the lab is made of")
	os.Exit(1)
}
