// Package courier carries JSON to receivers that owe us nothing: they may be slow, down, or send us elsewhere.
//
// A Client posts one letter: every attempt has a time limit, so do the pauses between attempts, and so has the letter as
// a whole. A Queue keeps letters until somebody posts them, so that whoever writes one never waits. Each receiver
// gets its letters in order and one at a time; a receiver that falls behind loses its oldest, because the newest ones
// say how things ended.
package courier
