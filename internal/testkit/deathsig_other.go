//go:build !linux

package testkit

import "syscall"

// dieWithParent asks for nothing: only Linux can end a program with its parent. Main stops it all the same.
func dieWithParent() *syscall.SysProcAttr { return nil }
