// Package chance is where simulations take their decisions from. A run asks it "which of n?" at every fork and so needs
// no generator of its own; the answers are recorded on a tape, and a tape played back is the same run again.
//
// That makes shrinking blind to what is simulated, after D. MacIver and A. Donaldson, "Test-Case Reduction via Test-Case
// Generation: Insights from the Hypothesis Reducer", ECOOP 2020: Shrink looks for a shorter tape, or one with smaller
// numbers, on which the run still fails. Any tape is a valid one, as whatever it lacks reads as 0; so simulations order
// their choices from the simplest, which is 0, to the wildest.
package chance
