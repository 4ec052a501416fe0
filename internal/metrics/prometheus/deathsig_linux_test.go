package prometheus

import "syscall"

// dieWithParent has the kernel end a program when the thread that started it is gone.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
