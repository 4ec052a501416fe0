package loadtester

import "fmt"

// outputHalf is how much is kept of the beginning of an output, and of its end, in bytes.
const outputHalf = 32 << 10

// output keeps the beginning and the end of what is written to it: mistakes show at the beginning, sums at the end. Its
// zero value is empty.
type output struct {
	head, tail []byte
	// left counts the bytes between both that are gone.
	left int
}

// Write never fails.
func (o *output) Write(p []byte) (int, error) {
	room := min(outputHalf-len(o.head), len(p))
	o.head = append(o.head, p[:room]...)
	o.tail = append(o.tail, p[room:]...)
	if len(o.tail) > 2*outputHalf {
		o.trim()
	}
	return len(p), nil
}

// trim cuts the tail to what is kept.
func (o *output) trim() {
	surplus := len(o.tail) - outputHalf
	if surplus <= 0 {
		return
	}
	o.left += surplus
	o.tail = o.tail[:copy(o.tail, o.tail[surplus:])]
}

// String returns what was kept, with a note where something is missing.
func (o *output) String() string {
	o.trim()
	if o.left == 0 {
		return string(o.head) + string(o.tail)
	}
	return fmt.Sprintf("%s\n[%d bytes left out]\n%s", o.head, o.left, o.tail)
}
