package telemetry

import (
	"flag"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	_ "sigs.k8s.io/controller-runtime/pkg/controller" // registers metrics of its own, and those of the process

	"flagger.app/flagger/api/v1beta1"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// podinfo is the canary "release" of the target "podinfo", so that the two names cannot be mistaken.
func podinfo(phase v1beta1.CanaryPhase) *v1beta1.Canary {
	return &v1beta1.Canary{
		ObjectMeta: metav1.ObjectMeta{Name: "release", Namespace: "test"},
		Spec:       v1beta1.CanarySpec{TargetRef: v1beta1.LocalObjectReference{Kind: "Deployment", Name: "podinfo"}},
		Status: v1beta1.CanaryStatus{
			Phase:              phase,
			LastTransitionTime: metav1.Unix(1_800_000_000, 0),
			Checks:             []v1beta1.CheckResult{{Verdict: v1beta1.VerdictPass}},
		},
	}
}

// scrape returns what r serves.
func scrape(t *testing.T, r *Recorder) string {
	t.Helper()
	answer := httptest.NewRecorder()
	r.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// series returns the lines of an exposition about metrics of the given prefix, without comments.
func series(exposition, prefix string) []string {
	var lines []string
	for line := range strings.Lines(exposition) {
		if strings.HasPrefix(line, prefix) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// ours cuts an exposition down to the operator's own metrics, comments included.
func ours(exposition string) string {
	var kept strings.Builder
	for line := range strings.Lines(exposition) {
		if strings.HasPrefix(strings.TrimPrefix(strings.TrimPrefix(line, "# HELP "), "# TYPE "), "flagger_") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

func TestExposition(t *testing.T) {
	r := New("1.44.0", "gatewayapi:v1")
	c := podinfo(v1beta1.PhaseProgressing)
	c.Status.Checks = checks("Pass", "Pass", "Fail", "NoData", "Error")
	r.Total(map[string]int{"test": 2, "prod": 1})
	r.Status(c)
	r.Weight(c, 90, 10)
	r.Duration(c, 30*time.Millisecond)
	r.Duration(c, 20*time.Second)
	r.Analysis(c, "request-success-rate", 99.5)
	r.Analysis(c, "request-duration", 0.25)
	r.Succeeded(c, "canary", AnalysisCompleted)
	r.Succeeded(c, "canary", AnalysisSkipped)
	r.Failed(c, "blue-green")
	r.EventUnwritten()
	r.EventDropped()
	r.AlertDropped()

	got := ours(scrape(t, r))
	path := filepath.Join("testdata", "exposition.txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestExpositionHasTheProcessAndNothingElse(t *testing.T) {
	exposition := scrape(t, New("1.44.0", "istio"))
	for _, name := range []string{"go_goroutines ", "process_start_time_seconds ", "promhttp_metric_handler_requests_total{"} {
		if len(series(exposition, name)) == 0 {
			t.Errorf("%s is missing", name)
		}
	}
	for line := range strings.Lines(exposition) {
		name := strings.TrimPrefix(strings.TrimPrefix(line, "# HELP "), "# TYPE ")
		if !hasAnyPrefix(name, "go_", "process_", "promhttp_", "flagger_", "controller_runtime_", "workqueue_", "rest_client_", "leader_election_", "certwatcher_") {
			t.Errorf("unexpected metric: %s", line)
		}
	}
}

func hasAnyPrefix(s string, prefixes ...string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}

func TestStatusValues(t *testing.T) {
	cases := map[v1beta1.CanaryPhase]string{
		"":                             "1",
		v1beta1.PhaseInitializing:      "1",
		v1beta1.PhaseInitialized:       "1",
		v1beta1.PhaseWaiting:           "1",
		v1beta1.PhaseProgressing:       "0",
		v1beta1.PhaseWaitingPromotion:  "1",
		v1beta1.PhasePromoting:         "1",
		v1beta1.PhaseFinalising:        "1",
		v1beta1.PhaseSucceeded:         "1",
		v1beta1.PhaseFailed:            "2",
		v1beta1.PhaseTerminating:       "1",
		v1beta1.CanaryPhase("unknown"): "1",
	}
	for phase, want := range cases {
		t.Run(string(phase), func(t *testing.T) {
			r := New("1.44.0", "istio")
			r.Status(podinfo(phase))
			got := series(scrape(t, r), "flagger_canary_status{")
			if diff := cmp.Diff([]string{`flagger_canary_status{name="podinfo",namespace="test"} ` + want}, got); diff != "" {
				t.Errorf("alert rules read this value (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTotalFallsToZero(t *testing.T) {
	r := New("1.44.0", "istio")
	r.Total(map[string]int{"test": 1, "prod": 3})
	r.Total(map[string]int{"prod": 2})
	want := []string{`flagger_canary_total{namespace="prod"} 2`, `flagger_canary_total{namespace="test"} 0`}
	if diff := cmp.Diff(want, series(scrape(t, r), "flagger_canary_total{")); diff != "" {
		t.Errorf("a namespace without canaries says so (-want +got):\n%s", diff)
	}
}

// A series that is there twice would end the whole exposition.
func TestPrimaryWithTheNameOfATarget(t *testing.T) {
	r := New("1.44.0", "istio")
	daemon := podinfo(v1beta1.PhaseSucceeded)
	daemon.Name, daemon.Spec.TargetRef = "daemon", v1beta1.LocalObjectReference{Kind: "DaemonSet", Name: "podinfo-primary"}
	r.Weight(podinfo(v1beta1.PhaseSucceeded), 100, 0)
	r.Weight(daemon, 90, 10)
	want := []string{
		`flagger_canary_weight{namespace="test",workload="podinfo"} 0`,
		`flagger_canary_weight{namespace="test",workload="podinfo-primary"} 10`,
		`flagger_canary_weight{namespace="test",workload="podinfo-primary-primary"} 90`,
	}
	if diff := cmp.Diff(want, series(scrape(t, r), "flagger_canary_weight{")); diff != "" {
		t.Errorf("workloads of one name have one series (-want +got):\n%s", diff)
	}
}

func TestForget(t *testing.T) {
	record := func(r *Recorder, c *v1beta1.Canary) {
		r.Status(c)
		r.Weight(c, 100, 0)
		r.Duration(c, time.Second)
		r.Analysis(c, "error-rate", 1)
		r.Succeeded(c, "canary", AnalysisSkipped)
		r.Failed(c, "canary")
	}
	elder, younger := podinfo(v1beta1.PhaseSucceeded), podinfo(v1beta1.PhaseFailed)
	younger.Name = "younger"
	elsewhere := podinfo(v1beta1.PhaseSucceeded)
	elsewhere.Namespace = "prod"
	moved := podinfo(v1beta1.PhaseSucceeded)
	moved.Spec.TargetRef.Name = "other"

	cases := map[string]struct {
		reason string
		story  func(*Recorder)
		want   []string
	}{
		"Gone": {
			"Nothing is left of a canary that is gone.",
			func(r *Recorder) { record(r, elder); r.Forget(key(elder)) },
			nil,
		},
		"Unknown": {
			"A canary that never recorded anything has nothing to lose.",
			func(r *Recorder) { r.Forget(key(elder)) },
			nil,
		},
		"SharedTarget": {
			"A refused canary of the same target takes no series along.",
			func(r *Recorder) { record(r, elder); record(r, younger); r.Status(elder); r.Forget(key(younger)) },
			[]string{`flagger_canary_status{name="podinfo",namespace="test"} 1`},
		},
		"OtherNamespace": {
			"The same target elsewhere is another target.",
			func(r *Recorder) { record(r, elder); record(r, elsewhere); r.Forget(key(elder)) },
			[]string{`flagger_canary_status{name="podinfo",namespace="prod"} 1`},
		},
		"Retargeted": {
			"A canary that turns to another target leaves no stale series.",
			func(r *Recorder) { record(r, elder); r.Status(moved) },
			[]string{`flagger_canary_status{name="other",namespace="test"} 1`},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := New("1.44.0", "istio")
			tc.story(r)
			exposition := scrape(t, r)
			if diff := cmp.Diff(tc.want, series(exposition, "flagger_canary_status{")); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
			if left := series(exposition, "flagger_canary_"); len(tc.want) == 0 && len(left) > 0 {
				t.Errorf("%s\nleft: %v", tc.reason, left)
			}
		})
	}
}

func TestConcurrentUse(t *testing.T) {
	r := New("1.44.0", "istio")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			c := podinfo(v1beta1.PhaseProgressing)
			r.Status(c)
			r.Weight(c, 50, 50)
			r.Total(map[string]int{"test": 1})
			r.Forget(key(c))
		})
	}
	all.Wait()
	if left := series(scrape(t, r), "flagger_canary_total{"); len(left) != 1 {
		t.Errorf("got %v, want one namespace", left)
	}
}
