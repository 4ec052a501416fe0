//go:build linux

package lab

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownNamespaces asks for a process in new namespaces. An ordinary user gets a user namespace as well, in which it
// is root; root needs none, and does not depend on the kernel's leave to make one.
func ownNamespaces() *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID,
		Setsid:     true, // a Ctrl-C in the terminal is for the command, not for the lab
	}
	if os.Geteuid() != 0 {
		attributes.Cloneflags |= unix.CLONE_NEWUSER
		attributes.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return attributes
}

// mountProc makes /proc that of the new process namespace. Mounts stay inside.
func mountProc() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NOEXEC|unix.MS_NODEV, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}

// leave is a setting of the kernel that decides whether an ordinary user may make namespaces.
type leave struct {
	name    string
	refuses string // the value that refuses
}

var leaves = []leave{
	{name: "kernel.unprivileged_userns_clone", refuses: "0"},
	{name: "kernel.apparmor_restrict_unprivileged_userns", refuses: "1"},
	{name: "user.max_user_namespaces", refuses: "0"},
}

// refusal explains an error of making namespaces, or of using one's rights in them.
func refusal(err error) error {
	var text strings.Builder
	text.WriteString("the kernel refuses the lab its own namespaces. For an ordinary user these settings decide (sysctl):")
	for _, l := range leaves {
		value, readErr := os.ReadFile("/proc/sys/" + strings.ReplaceAll(l.name, ".", "/"))
		found := strings.TrimSpace(string(value))
		switch {
		case readErr != nil:
			found = "not known to this kernel"
		case found == l.refuses:
			found += "  <- refuses"
		}
		fmt.Fprintf(&text, "\n  %s = %s", l.name, found)
	}
	text.WriteString("\nIn a container, its seccomp profile decides; CAP_SYS_ADMIN is enough.")
	return fmt.Errorf("%s\n%w", &text, err)
}
