//go:build e2e && linux

package e2e

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/story"
)

// drain is the operator's -drain-period; clocks and watches may be off by slack.
const (
	drain = 10 * time.Second
	slack = 100 * time.Millisecond
)

// Promoted waits until the revision is promoted and its canary stopped, and checks that it serves everybody.
func Promoted() Outcome {
	return func(s *scene) {
		s.Helper()
		s.await("succeeded", story.Run(v1beta1.PhaseSucceeded))
		s.await("its last event", story.Heard("Promotion completed!"))
		s.await("stopped", story.Stopped())
		s.servedBy(s.app.Answer())
	}
}

// RolledBack waits until the revision has failed and its canary stopped, no sooner than requests could end, and checks
// that the version before serves everybody.
func RolledBack(before string) Outcome {
	return func(s *scene) {
		s.Helper()
		failed := s.await("failed", story.Run(v1beta1.PhaseFailed))
		ended := s.await("stopped", story.Stopped())
		if left := failed.Status.LastRouteTime; left != nil && ended.At.Sub(left.Time) < drain-slack {
			s.Errorf("the canary was stopped %.3f s after the traffic had left it, want %s", ended.At.Sub(left.Time).Seconds(), drain)
		}
		s.servedBy(before)
	}
}

// servedBy checks that one version answers everybody.
func (s *scene) servedBy(version string) {
	s.Helper()
	const asked = 100
	counts, err := stage.Ask(s.ctx, s.app, asked)
	s.must(err)
	if counts.Of(version) != asked || counts.Platform != 0 {
		s.Errorf("%d requests after the end were answered %v, %v; want all by %s", asked, counts.Versions, counts.Broken, version)
	}
}

// NoPlatformFailure ends the load and checks that the app alone failed requests, from its first to its last.
func NoPlatformFailure() Outcome {
	return func(s *scene) {
		s.Helper()
		counts := s.stopTraffic()
		figure(s.T, "%d requests, %d failed by the app, %d by the platform", counts.Done, counts.App, counts.Platform)
		if counts.Platform != 0 {
			s.Errorf("%d of %d requests were failed by the platform: %v, %v", counts.Platform, counts.Done, counts.Broken, counts.Versions)
		}
	}
}

// SeenWithin checks how long it took from the change of the image to phase Progressing.
func SeenWithin(limit time.Duration) Outcome {
	return func(s *scene) {
		s.Helper()
		took := s.await("seen", story.In(v1beta1.PhaseProgressing)).At.Sub(s.sent)
		figure(s.T, "change of image to phase Progressing: %d ms (limit %d ms)", took.Milliseconds(), limit.Milliseconds())
		if took >= limit {
			s.Errorf("the change was seen after %s, want less than %s", took, limit)
		}
	}
}

// DoneWithin checks how long it took from the change of the image to phase Succeeded.
func DoneWithin(limit time.Duration) Outcome {
	return func(s *scene) {
		s.Helper()
		took := s.await("succeeded", story.Run(v1beta1.PhaseSucceeded)).At.Sub(s.sent)
		figure(s.T, "change of image to phase Succeeded: %.1f s (limit %.0f s)", took.Seconds(), limit.Seconds())
		if took >= limit {
			s.Errorf("the rollout took %s, want less than %s", took, limit)
		}
	}
}

// TrafficFollowsStatus checks in every step, of which there are as many as weights, that the revision got the share of
// the requests that the status named, give or take some points.
func TrafficFollowsStatus(points float64, weights ...int) Outcome {
	const enough = 1000
	return func(s *scene) {
		s.Helper()
		shares := story.Shares(s.moments(), s.app.Answer())
		var seen []int
		for _, share := range shares {
			seen = append(seen, share.Weight)
			figure(s.T, "weight %d in the status: %.2f %% of %d requests", share.Weight, share.Percent(), share.Requests)
			if math.Abs(share.Percent()-float64(share.Weight)) > points {
				s.Errorf("weight %d, but %.2f %% of the traffic", share.Weight, share.Percent())
			}
			if share.Requests < enough {
				s.Errorf("only %d requests at weight %d, want %d to tell", share.Requests, share.Weight, enough)
			}
		}
		s.same("steps", weights, seen)
	}
}

// Weighted checks that status and route took these weights and no others, in this order, from and to none.
func Weighted(weights ...int) Outcome {
	return func(s *scene) {
		s.Helper()
		want := slices.Compact(slices.Concat([]int{0}, weights, []int{0}))
		status, route := s.weights()
		s.same("weights in the status", want, status)
		s.same("weights in the route", want, route)
	}
}

// RolledOnce checks that the primary's template changed once.
func RolledOnce() Outcome {
	return func(s *scene) {
		s.Helper()
		revisions := story.Values(s.moments(), func(m story.Moment) string { return m.Primary.Revision })
		first, err := strconv.Atoi(revisions[0])
		s.must(err)
		s.same("revisions of the primary", []string{revisions[0], strconv.Itoa(first + 1)}, revisions)
	}
}

// Said checks the Normal events. In the texts, APP stands for the name and namespace.
func Said(texts ...string) Outcome {
	return func(s *scene) {
		s.Helper()
		s.same("normal events", s.named(texts), s.said("Normal"))
	}
}

// Warned checks the Warning events, besides those that something is not ready yet, against regular expressions.
func Warned(expressions ...string) Outcome {
	return func(s *scene) {
		s.Helper()
		var warnings []string
		for _, saying := range story.Sayings(s.moments()) {
			if saying.Type == "Warning" && saying.Reason != "NotReady" {
				warnings = append(warnings, saying.Message)
			}
		}
		want := s.named(expressions)
		matches := len(want) == len(warnings)
		for i := 0; matches && i < len(want); i++ {
			matches = regexp.MustCompile("^" + want[i] + "$").MatchString(warnings[i])
		}
		if !matches {
			s.Errorf("warnings %q, want %q", warnings, want)
		}
	}
}

var placeholder = regexp.MustCompile(`\bAPP\b`)

func (s *scene) named(texts []string) []string {
	var named []string
	for _, text := range texts {
		named = append(named, placeholder.ReplaceAllString(text, fmt.Sprintf("%s.%s", story.Name, s.app.Namespace)))
	}
	return named
}

func (s *scene) same(what string, want, got any) {
	s.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
