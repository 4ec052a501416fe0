//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// kind is what a release is.
type kind string

// Releases by kind. Those with a second part get it at any point of the run.
const (
	good     kind = "image"    // a new image
	bad      kind = "bad"      // one whose metric fails
	config   kind = "config"   // an edit of the ConfigMap
	revised  kind = "revised"  // the one that replaces another in mid-run
	reverted kind = "reverted" // the end of one that is taken back in mid-run
)

// shares are how many of a hundred releases are of each kind.
var shares = []struct {
	kind    kind
	percent int
}{{good, 30}, {bad, 20}, {config, 16}, {revised, 18}, {reverted, 16}}

// release is a change of one canary's target, to image and config of which one is new.
type release struct {
	at      time.Duration // since the beginning
	canary  int
	kind    kind
	content content
}

// pace says when to release.
type pace struct {
	canaries int
	warmUp   time.Duration // in which each canary gets its first release
	length   time.Duration // in all
	every    time.Duration // the mean time between two of one canary
	run      time.Duration // how long a run takes, for what comes in the middle of one
}

// author writes the releases of one canary.
type author struct {
	rnd     *rand.Rand
	canary  int
	content content
	number  int // of the last new image or config
}

// write draws the releases of all canaries, in order of time.
func write(p pace, seed uint64) []release {
	var all []release
	for canary := range p.canaries {
		a := &author{rnd: rand.New(rand.NewPCG(seed, uint64(canary)+1)), canary: canary, content: first}
		all = append(all, a.write(p)...)
	}
	slices.SortStableFunc(all, func(a, b release) int { return int(a.at - b.at) })
	return all
}

func (a *author) write(p pace) []release {
	all := []release{a.one(a.upTo(p.warmUp), good)}
	for at := p.warmUp + a.upTo(p.every); at < p.length; at += p.every/2 + a.upTo(p.every) {
		drawn := a.draw()
		if drawn != revised && drawn != reverted {
			all = append(all, a.one(at, drawn))
			continue
		}
		before := a.content
		all = append(all, a.one(at, a.part()))
		at += a.upTo(p.run)
		if at >= p.length {
			break
		}
		if drawn == revised {
			all = append(all, a.one(at, a.part()))
		} else {
			a.content = before
			all = append(all, release{at: at, canary: a.canary, content: before})
		}
		all[len(all)-1].kind = drawn
	}
	return all
}

// one makes a release of a new image or config.
func (a *author) one(at time.Duration, k kind) release {
	a.number++
	switch k {
	case config:
		a.content.config = fmt.Sprintf("blue%d", a.number)
	case bad:
		a.content.tag = fmt.Sprintf("1.0.%d%s", a.number, badSuffix)
	default:
		a.content.tag = fmt.Sprintf("1.0.%d", a.number)
	}
	return release{at: at, canary: a.canary, kind: k, content: a.content}
}

// draw draws a kind.
func (a *author) draw() kind {
	left := a.rnd.IntN(100)
	for _, s := range shares {
		if left -= s.percent; left < 0 {
			return s.kind
		}
	}
	return good
}

// part draws a kind that has one part.
func (a *author) part() kind { return []kind{good, good, bad, config}[a.rnd.IntN(4)] }

// upTo draws a time of less than longest.
func (a *author) upTo(longest time.Duration) time.Duration {
	return time.Duration(a.rnd.Int64N(int64(longest)))
}
