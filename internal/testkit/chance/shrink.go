package chance

import "slices"

// Shrink returns the simplest tape that it finds on which fails still holds, at best by dropping answers, else by making
// them smaller. It calls fails at most budget times and never with a tape that is as complex as the one before or more.
// A tape on which fails does not hold comes back as it is.
func Shrink(tape []uint32, fails func(tape []uint32) bool, budget int) []uint32 {
	s := &shrinker{best: slices.Clone(tape), fails: fails, budget: budget}
	for improved := true; improved; {
		before := s.accepted
		s.dropChunks()
		s.zeroChunks()
		s.lowerAndDrop()
		s.lower()
		improved = s.accepted > before && s.budget > 0
	}
	return s.best
}

type shrinker struct {
	best     []uint32
	fails    func([]uint32) bool
	budget   int
	accepted int
}

// try keeps a candidate if the run still fails on it.
func (s *shrinker) try(candidate []uint32) bool {
	if s.budget <= 0 {
		return false
	}
	s.budget--
	if !s.fails(slices.Clone(candidate)) {
		return false
	}
	s.best = candidate
	s.accepted++
	return true
}

// oneByOne is the size from which on chunks get smaller by one instead of by half: a step of a simulation takes a handful
// of answers, and all of them have to go at once.
const oneByOne = 8

// sizes calls visit with the sizes of chunks to try, the largest first.
func (s *shrinker) sizes(visit func(size int)) {
	for size := len(s.best); size > 0; {
		visit(size)
		if size > oneByOne {
			size /= 2
		} else {
			size--
		}
	}
}

// dropChunks takes answers out, from the end on: what comes late tends to matter least.
func (s *shrinker) dropChunks() {
	s.sizes(func(size int) {
		for end := len(s.best); end >= size; {
			end = min(end, len(s.best))
			if end < size {
				return
			}
			if !s.try(slices.Concat(s.best[:end-size], s.best[end:])) {
				end -= max(size/2, 1)
			}
		}
	})
}

// zeroChunks makes answers the simplest, many at once.
func (s *shrinker) zeroChunks() {
	s.sizes(func(size int) {
		for start := 0; start+size <= len(s.best); start += size {
			candidate := slices.Clone(s.best)
			clear(candidate[start : start+size])
			if !slices.Equal(candidate, s.best) {
				s.try(candidate)
			}
		}
	})
}

// lowerAndDrop makes one answer smaller and drops some that follow it, which it may have announced.
func (s *shrinker) lowerAndDrop() {
	for i := 0; i < len(s.best); i++ {
		for size := 1; size <= oneByOne/2 && i+size < len(s.best) && s.best[i] > 0; size++ {
			candidate := slices.Concat(s.best[:i+1], s.best[i+1+size:])
			candidate[i]--
			s.try(candidate)
		}
	}
}

// lower searches for the smallest value of each answer, by halves: runs that fail with a value mostly fail with larger
// ones.
func (s *shrinker) lower() {
	for i := 0; i < len(s.best); i++ {
		for low := uint32(0); i < len(s.best) && low < s.best[i]; {
			candidate := slices.Clone(s.best)
			candidate[i] = low + (s.best[i]-low)/2
			if !s.try(candidate) {
				low = candidate[i] + 1
			}
		}
	}
}
