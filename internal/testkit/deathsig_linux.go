package testkit

import "syscall"

// dieWithParent asks the kernel to kill a program when the thread that started it ends.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
