//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"flagger.app/flagger/test/lab/load"
	"flagger.app/flagger/test/story"
)

// loadVerb is the hidden first argument that makes this program a load generator inside the lab.
const loadVerb = "load"

// leave hands the operator and the load over to the lab, which stays, and tells how to look around.
func (p *player) leave() error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	log := filepath.Join(string(p.stage.State), "logs", "load.log")
	if err := errors.Join(
		p.stage.Operator.Leave(),
		story.LeaveRunning(p.stage.State, log, program, loadVerb, p.app.Host(), strconv.Itoa(rate)),
	); err != nil {
		return errors.Join(err, p.stage.Close())
	}
	p.screen.say("\nThe lab stays up, with the operator and %d requests a second. To look around:\n", rate)
	for _, line := range p.stage.Outside() {
		p.screen.say("  %s", line)
	}
	p.screen.say(`  export PATH=%s/bin:$PATH
  kubectl -n %s get canary -w
  kubectl -n %s get events -w
  kubectl -n %s set image deployment/%s %s=%s:6.3.0     # a good release; 6.4.0-err20 is a bad one
  curl -H 'Host: %s' $LAB_GATEWAY_URL
  less %s

To take everything down:

  %s down --state %s`,
		p.stage.State, namespace, namespace, namespace, story.Name, story.Name, story.Image, p.app.Host(),
		p.stage.Operator.Log(), filepath.Join(filepath.Dir(program), "lab"), p.stage.State)
	return nil
}

// sendLoad sends requests to a host behind the gateway until ctx ends. It runs inside the lab.
func sendLoad(ctx context.Context, arguments []string) error {
	if len(arguments) != 2 {
		return errors.New("load needs a host and a rate")
	}
	perSecond, err := strconv.Atoi(arguments[1])
	if err != nil {
		return fmt.Errorf("read the rate: %w", err)
	}
	_, err = load.New(load.Options{URL: os.Getenv("LAB_GATEWAY_URL"), Host: arguments[0], Rate: perSecond}).Run(ctx)
	return err
}

// findRoot looks for the repository from this program's folder upward, then from the working folder.
func findRoot() (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	working, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the working folder: %w", err)
	}
	for _, folder := range []string{filepath.Dir(program), working} {
		for ; folder != filepath.Dir(folder); folder = filepath.Dir(folder) {
			if _, err := os.Stat(filepath.Join(folder, "test", "lab", "kubernetes", "go.mod")); err == nil {
				return folder, nil
			}
		}
	}
	return "", errors.New("find the repository: neither this program nor the working folder is in it")
}
