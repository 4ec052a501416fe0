//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// silence is how long nothing is written at most.
const silence = 5 * time.Second

const usualWidth = 80

// screen writes lines and, below them, the present frame. Its methods may be called from any goroutine.
type screen struct {
	out   io.Writer
	width func() int // columns of the terminal; 0 for an output that cannot be redrawn
	now   func() time.Time
	mutex sync.Mutex
	drawn int       // lines of the block that stands on the terminal
	key   string    // of the last frame that was worth a line
	wrote time.Time // when the last line was written
}

// newScreen returns a screen that writes to out; width is the terminal's, in columns, or 0 where out is none.
func newScreen(out io.Writer, width func() int, now func() time.Time) *screen {
	return &screen{out: out, width: width, now: now, wrote: now()}
}

// columns returns the width of the terminal that file is, or 0.
func columns(file *os.File) int {
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil || os.Getenv("TERM") == "dumb" {
		return 0
	}
	if size.Col == 0 {
		return usualWidth // a terminal that does not tell
	}
	return int(size.Col)
}

// say writes a line above the block.
func (s *screen) say(format string, arguments ...any) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.write(s.erase() + fmt.Sprintf(format, arguments...) + "\n")
}

// show draws the frame: on a terminal always, elsewhere if it says something new or nothing was said for a while.
func (s *screen) show(f frame) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if width := s.width(); width > 0 {
		text := s.erase()
		block := f.block()
		for _, line := range block {
			text += cut(line, width) + "\n" // a line that wraps would be two to erase
		}
		s.drawn = len(block)
		s.write(text)
		return
	}
	if f.key() == s.key && s.now().Sub(s.wrote) < silence {
		return
	}
	s.key = f.key()
	s.write(f.line() + "\n")
}

// cut returns the first columns of a line; each of its letters takes one.
func cut(line string, columns int) string {
	letters := []rune(line)
	return string(letters[:min(len(letters), columns)])
}

// clear takes the block away.
func (s *screen) clear() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.write(s.erase())
}

// erase returns what takes the block off the terminal (ECMA-48: cursor up, erase to the end of the display).
func (s *screen) erase() string {
	if s.drawn == 0 {
		return ""
	}
	up := fmt.Sprintf("\x1b[%dF\x1b[J", s.drawn)
	s.drawn = 0
	return up
}

func (s *screen) write(text string) {
	_, _ = io.WriteString(s.out, text) // nobody reads: the exit code tells all the same
	s.wrote = s.now()
}

// everyFewSeconds says what goes on, with the time it has taken, until stop is called.
func (s *screen) everyFewSeconds(what string) (stop func()) {
	done := make(chan struct{})
	started := s.now()
	go func() {
		tick := time.NewTicker(silence)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case now := <-tick.C:
				s.say("%s, %.0f s", what, now.Sub(started).Seconds())
			}
		}
	}()
	return func() { close(done) }
}
