//go:build linux

package fleet

import (
	"errors"
	"os"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	cases := map[string]struct {
		reason string
		stat   string
		want   time.Duration
		err    error
	}{
		"Plain":   {"User and system time add up, in hundredths of a second.", "7 (flagger) S 1 7 7 0 -1 4194560 9 0 0 0 150 25 0 0 20 0", 1750 * time.Millisecond, nil},
		"Awkward": {"A program's name may look like fields.", "7 (a) R (b) S 1 7 7 0 -1 4194560 9 0 0 0 1 2 0 0 20 0", 30 * time.Millisecond, nil},
		"Short":   {"What has no such fields is no stat.", "7 (flagger) S 1", 0, errFormat},
		"Text":    {"Times are numbers.", "7 (flagger) S 1 7 7 0 -1 4194560 9 0 0 0 x 25 0 0 20 0", 0, errFormat},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := parseStat([]byte(tc.stat))
			if got != tc.want || !errors.Is(err, tc.err) {
				t.Errorf("%s\ngot %v, %v", tc.reason, got, err)
			}
		})
	}
}

func TestParseStatus(t *testing.T) {
	const status = "Name:\tflagger\nVmHWM:\t   2048 kB\nVmRSS:\t   1024 kB\nThreads:\t9\n"
	if got, err := parseStatus([]byte(status), "VmRSS"); got != 1<<20 || err != nil {
		t.Errorf("sizes are in units of 1024 bytes, got %d, %v", got, err)
	}
	if _, err := parseStatus([]byte(status), "VmSwap"); !errors.Is(err, errFormat) {
		t.Errorf("what is missing is not zero, got %v", err)
	}
	if _, err := parseStatus([]byte("VmRSS: much\n"), "VmRSS"); !errors.Is(err, errFormat) {
		t.Errorf("what is no number is not zero, got %v", err)
	}
}

func TestParseMachine(t *testing.T) {
	cases := map[string]struct {
		reason string
		stat   string
		want   time.Duration
		err    error
	}{
		"Busy":  {"Idleness (400), waiting for disks (50) and guests (7), who are users as well, do not count.", "cpu  100 2 30 400 50 6 7 8 7 0\ncpu0 1 1", 1530 * time.Millisecond, nil},
		"Other": {"The line of all cores is the first.", "cpu0 100 2 30 400 50 6 7 8 0 0\n", 0, errFormat},
		"None":  {"There is always one.", "", 0, errFormat},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := parseMachine([]byte(tc.stat))
			if got != tc.want || !errors.Is(err, tc.err) {
				t.Errorf("%s\ngot %v, %v", tc.reason, got, err)
			}
		})
	}
}

func TestUsageOfThisProcess(t *testing.T) {
	pid := os.Getpid()
	if err := ForgetPeak(pid); err != nil {
		t.Fatal(err)
	}
	got, err := Used(pid)
	if err != nil {
		t.Fatal(err)
	}
	if got.RSS == 0 || got.Peak < got.RSS {
		t.Errorf("this process has memory, and its peak is no less, got %+v", got)
	}
	if busy, err := MachineUsed(); err != nil || busy < got.CPU {
		t.Errorf("the machine has worked as long as this process, got %v of %v, %v", got.CPU, busy, err)
	}
}
