//go:build !linux

package prometheus

import "syscall"

// dieWithParent is for Linux; elsewhere a test binary that is killed leaves its programs behind.
func dieWithParent() *syscall.SysProcAttr { return nil }
