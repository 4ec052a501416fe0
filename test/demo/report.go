//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"flagger.app/flagger/test/lab/load"
	"flagger.app/flagger/test/story"
)

// report prints the end of the demo. Its error is errVerdict where a story did not end as it must.
func (p *player) report(ctx context.Context, releases []release, counts load.Counts) error {
	events, err := p.describe(ctx)
	if err != nil {
		return err
	}
	p.screen.say("\n$ kubectl -n %s describe canary/%s\n...\n%s\n", namespace, story.Name, events)
	good := counts.Platform == 0
	for _, r := range releases {
		p.screen.say("%s", r.verdict())
		good = good && r.ended()
	}
	p.screen.say("%-13s %d requests, %d failed by the app itself, %d failed by anything else: %s",
		"traffic", counts.Done, counts.App, counts.Platform, word(counts.Platform == 0))
	if counts.Platform > 0 {
		p.screen.say("%-13s without an answer: %v; by version and status: %v", "", counts.Broken, counts.Versions)
	}
	if !good {
		return errVerdict
	}
	return nil
}

// verdict tells in a line how a release went.
func (r release) verdict() string {
	return fmt.Sprintf("%-13s %s after %.1f s, seen after %d ms, %s serves: %s",
		r.version, r.got, r.took.Seconds(), r.reaction.Milliseconds(), servers(r.servedBy), word(r.ended()))
}

func servers(counts load.Counts) string {
	var names []string
	for version := range counts.Versions {
		names = append(names, version)
	}
	return strings.Join(names, " and ")
}

func word(asItMust bool) string {
	if asItMust {
		return "ok"
	}
	return "NOT AS IT MUST"
}

// describe returns the events as kubectl prints them.
func (p *player) describe(ctx context.Context) (string, error) {
	kubectl := exec.CommandContext(ctx, filepath.Join(string(p.stage.State), "bin", "kubectl"),
		"--kubeconfig", p.stage.State.Kubeconfig(), "-n", namespace, "describe", "canary/"+story.Name)
	kubectl.Stderr = os.Stderr
	output, err := kubectl.Output()
	if err != nil {
		return "", fmt.Errorf("describe the canary: %w", err)
	}
	_, events, found := strings.Cut(string(output), "\nEvents:")
	if !found {
		return "", fmt.Errorf("describe the canary: no events in\n%s", output)
	}
	return "Events:" + strings.TrimRight(events, "\n"), nil
}
