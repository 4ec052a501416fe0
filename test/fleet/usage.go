//go:build linux

package fleet

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// clockTick is the unit of CPU times in /proc; every Linux reports in hundredths of a second.
const clockTick = 10 * time.Millisecond

// errFormat is returned where /proc does not look as proc(5) says.
var errFormat = errors.New("not in the form of proc(5)")

// Usage is what a process has used up to now.
type Usage struct {
	CPU       time.Duration
	RSS, Peak int64 // bytes; Peak is since the process began or ForgetPeak
}

// Used reads the usage of a process.
func Used(pid int) (Usage, error) {
	stat, err := os.ReadFile(procFile(pid, "stat"))
	if err != nil {
		return Usage{}, fmt.Errorf("read the CPU time: %w", err)
	}
	u := Usage{}
	if u.CPU, err = parseStat(stat); err != nil {
		return Usage{}, fmt.Errorf("read the CPU time: %w", err)
	}
	status, err := os.ReadFile(procFile(pid, "status"))
	if err != nil {
		return Usage{}, fmt.Errorf("read the memory: %w", err)
	}
	u.RSS, err = parseStatus(status, "VmRSS")
	if err != nil {
		return Usage{}, fmt.Errorf("read the memory: %w", err)
	}
	u.Peak, err = parseStatus(status, "VmHWM")
	if err != nil {
		return Usage{}, fmt.Errorf("read the memory: %w", err)
	}
	return u, nil
}

// ForgetPeak makes the peak of a process's memory what it has now.
func ForgetPeak(pid int) error {
	if err := os.WriteFile(procFile(pid, "clear_refs"), []byte("5"), 0); err != nil {
		return fmt.Errorf("reset the peak of the memory: %w", err)
	}
	return nil
}

// MachineUsed is the CPU time that all processes of the machine have used.
func MachineUsed() (time.Duration, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("read the machine's CPU time: %w", err)
	}
	busy, err := parseMachine(stat)
	if err != nil {
		return 0, fmt.Errorf("read the machine's CPU time: %w", err)
	}
	return busy, nil
}

func procFile(pid int, name string) string { return filepath.Join("/proc", strconv.Itoa(pid), name) }

// parseStat reads the user and system time, the 14th and 15th fields. The second is the program's name in
// parentheses, in which anything may be.
func parseStat(stat []byte) (time.Duration, error) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, errFormat
	}
	return ticks(fields[11:13])
}

// parseStatus reads a line that gives a size in kB.
func parseStatus(status []byte, name string) (int64, error) {
	for line := range bytes.Lines(status) {
		value, found := bytes.CutPrefix(line, []byte(name+":"))
		if !found {
			continue
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(value), []byte("kB")))), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", name, errFormat)
		}
		return size << 10, nil
	}
	return 0, fmt.Errorf("no %s: %w", name, errFormat)
}

// parseMachine adds up the first line, but for the times of idleness and of waiting for disks, the fourth and fifth,
// and for those of guests, which are in the first two already.
func parseMachine(stat []byte) (time.Duration, error) {
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 9 || string(fields[0]) != "cpu" {
		return 0, errFormat
	}
	return ticks(append(fields[1:4:4], fields[6:9]...))
}

func ticks(fields [][]byte) (time.Duration, error) {
	var sum time.Duration
	for _, field := range fields {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, errFormat
		}
		sum += time.Duration(n) * clockTick
	}
	return sum, nil
}

// OwnUsed is the CPU time that this process has used.
func OwnUsed() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // it cannot fail for oneself
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
