//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "zeroloss: needs Linux, whose namespaces the lab is made of")
	os.Exit(1)
}
