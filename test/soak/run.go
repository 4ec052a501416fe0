//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"flagger.app/flagger/test/fleet"
	"flagger.app/flagger/test/lab"
)

const (
	look       = time.Second       // between two looks at whether all canaries rest
	patience   = 5 * time.Minute   // for the canaries to be initialised, and a second more for each
	calming    = 100 * time.Second // in which an operator without work closes its connections, after 90 s without a use
	warmUpPart = 10                // the first tenth is for warming up
)

// errFindings says that something is wrong; the table has told what.
var errFindings = errors.New("something is wrong")

// course is a soak that runs.
type course struct {
	*stage
	out    io.Writer
	begun  time.Time
	mutex  sync.Mutex // of the report
	report *Report
}

// soak runs a soak, prints the table and writes the report. Its error is errFindings where a check fails; the lab's folder
// is kept then.
func soak(ctx context.Context, s settings, out io.Writer) error {
	state, err := os.MkdirTemp("", "flagger-soak-")
	if err != nil {
		return fmt.Errorf("make the state folder: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	report := newReport(s)
	st, err := open(ctx, s, lab.State(state), cancel)
	if err == nil {
		c := &course{stage: st, out: out, begun: time.Now(), report: report}
		err = errors.Join(c.run(ctx), c.conclude(), st.close())
	}
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		err = errors.Join(cause, err)
	}
	_, _ = fmt.Fprintf(out, "\n%s", report)
	err = errors.Join(err, report.write(s.output))
	if len(report.Findings) > 0 {
		err = errors.Join(err, errFindings)
	}
	if err != nil {
		_, _ = fmt.Fprintln(out, "\nThe logs, and the log of the operator's requests, are in", state)
		return err
	}
	_, _ = fmt.Fprintln(out, "\nThe same for machines:", s.output)
	return os.RemoveAll(state)
}

// run goes through everything.
func (c *course) run(ctx context.Context) error {
	if err := c.initialise(ctx); err != nil {
		return fmt.Errorf("initialise: %w", err)
	}
	telling, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() { c.tell(telling) })
	defer group.Wait()
	defer stop()
	warmUp := c.length / warmUpPart
	releases := write(pace{canaries: c.canaries, warmUp: warmUp, length: c.length, every: c.every, run: c.least()}, c.seed)
	before, err := c.play(ctx, releases, 0, warmUp)
	if err != nil {
		return fmt.Errorf("warm up: %w", err)
	}
	after, err := c.play(ctx, releases, warmUp, c.length)
	if err != nil {
		return err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.report.Before, c.report.After = &before, &after
	return nil
}

// initialise starts the operator, and makes canaries of workloads that run. Faults begin when the operator is ready: one
// that cannot reach the API server when it starts ends, and is for Kubernetes to start again.
func (c *course) initialise(ctx context.Context) error {
	c.proxy.Rest()
	if err := c.operator.Start(); err != nil {
		return err
	}
	if err := c.fleet.Deploy(ctx); err != nil {
		return err
	}
	for !c.operator.IsReady(ctx) {
		if err := fleet.Pause(ctx, look); err != nil {
			return err
		}
	}
	c.proxy.Resume()
	for _, key := range c.fleet.Keys {
		c.book.push(key, first)
	}
	if err := c.fleet.Adopt(ctx); err != nil {
		return err
	}
	if err := c.await(ctx, patience+time.Duration(c.canaries)*time.Second); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(c.out, "soak: %d canaries are initialised after %.0f s\n", c.canaries, time.Since(c.begun).Seconds())
	return nil
}

// await returns when all canaries rest. It is an error if that takes longer than it may.
func (c *course) await(ctx context.Context, may time.Duration) error {
	until := time.Now().Add(may)
	for c.book.resting() < c.canaries {
		if time.Now().After(until) {
			return fmt.Errorf("only %d of %d canaries rest after %s", c.book.resting(), c.canaries, may)
		}
		if err := fleet.Pause(ctx, look); err != nil {
			return err
		}
	}
	return nil
}

// play makes the releases of a part of the time, and returns what the memory holds when all canaries rest.
func (c *course) play(ctx context.Context, releases []release, from, to time.Duration) (Sample, error) {
	begun := time.Now()
	for _, r := range releases {
		if r.at < from || r.at >= to {
			continue
		}
		if err := fleet.Pause(ctx, time.Until(begun.Add(r.at-from))); err != nil {
			return Sample{}, err
		}
		if err := c.make(ctx, r); err != nil {
			return Sample{}, err
		}
	}
	if err := fleet.Pause(ctx, time.Until(begun.Add(to-from))); err != nil {
		return Sample{}, err
	}
	if err := c.await(ctx, c.limits().bound); err != nil && ctx.Err() != nil {
		return Sample{}, err // else the check of the histories tells who does not rest, and why
	}
	c.proxy.Rest()
	defer c.proxy.Resume()
	if err := fleet.Pause(ctx, calming); err != nil {
		return Sample{}, err
	}
	return measure(ctx, c.operator, time.Now)
}

// make makes a release.
func (c *course) make(ctx context.Context, r release) error {
	key := c.fleet.Keys[r.canary]
	before := c.book.push(key, r.content)
	var err error
	if before.tag != r.content.tag {
		err = c.fleet.SetTag(ctx, key, r.content.tag)
	} else {
		err = c.fleet.SetConfig(ctx, key, r.content.config)
	}
	if err != nil {
		return err
	}
	c.book.pushed(key)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.report.Releases[r.kind]++
	return nil
}

// conclude completes the report.
func (c *course) conclude() error {
	l := c.limits()
	c.report.Seconds = time.Since(c.begun).Seconds()
	c.report.Findings = c.book.check(l)
	if c.report.After != nil {
		c.report.Findings = append(c.report.Findings, drift(*c.report.Before, *c.report.After, c.drift)...)
	}
	c.report.Faults = c.proxy.Counts()
	end, took := c.book.ends()
	c.report.End, c.report.Took = end, spread(took)
	log, err := os.ReadFile(c.log())
	if err != nil {
		return fmt.Errorf("read the operator's log: %w", err)
	}
	c.report.Findings = append(c.report.Findings, alarms(log, time.Now())...)
	return nil
}

// alarms finds the lines of the operator's log that must not be there.
func alarms(log []byte, now time.Time) []Finding {
	var findings []Finding
	for line := range bytes.Lines(log) {
		if bytes.Contains(line, []byte("panic")) || bytes.Contains(line, []byte("DATA RACE")) {
			findings = append(findings, Finding{Kind: "operator", At: now, Text: string(bytes.TrimSpace(line))})
		}
	}
	return findings
}
