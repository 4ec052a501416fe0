package hook

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with testdata/name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// podinfo is the canary of these tests, under analysis.
func podinfo(hooks ...v1beta1.CanaryWebhook) *v1beta1.Canary {
	return &v1beta1.Canary{
		ObjectMeta: metav1.ObjectMeta{Name: "podinfo", Namespace: "test"},
		Spec:       v1beta1.CanarySpec{Analysis: &v1beta1.CanaryAnalysis{Webhooks: hooks}},
		Status: v1beta1.CanaryStatus{
			Phase:           v1beta1.PhaseProgressing,
			TrackedConfigs:  &map[string]string{"test-config-map": "484637c76acaa7c6"},
			LastAppliedSpec: "4cb74184589",
		},
	}
}

func TestChecksum(t *testing.T) {
	cases := map[string]struct {
		reason  string
		configs *map[string]string
		applied string
		want    string
	}{
		"Nothing":        {"A canary without a status has a checksum too.", nil, "", "758df7c9fc"},
		"NoConfigs":      {"Tracking may be off.", nil, "4cb74184589", "7c9d467496"},
		"EmptyConfigs":   {"Nothing found differs from nothing tracked.", &map[string]string{}, "4cb74184589", "56966965f5"},
		"OneConfig":      {"A receiver compares this text.", &map[string]string{"test-config-map": "484637c76acaa7c6"}, "5f56684589", "85d557f47b"},
		"OneConfigNext":  {"Another revision, another checksum.", &map[string]string{"test-config-map": "484637c76acaa7c6"}, "4cb74184589", "569bdb7cb9"},
		"TwoConfigs":     {"The order of a map does not count.", &map[string]string{"secret/a": "1", "configmap/b": "2"}, "5f56684589", "69d5759b68"},
		"PrefixedConfig": {"The kind is part of a config's name.", &map[string]string{"configmap/a": "0011223344556677"}, "5f56684589", "7f5bdf794d"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := checksum(v1beta1.CanaryStatus{TrackedConfigs: tc.configs, LastAppliedSpec: tc.applied})
			if got != tc.want {
				t.Errorf("%s\ngot %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}

func TestRequestBody(t *testing.T) {
	at := time.UnixMilli(1700000000123)
	advance := rollout.Event{Type: "Normal", Message: "Advance podinfo.test canary weight 10"}

	cases := map[string]struct {
		reason   string
		phase    v1beta1.CanaryPhase
		metadata map[string]string
	}{
		"plain":         {"Without metadata the key is absent.", v1beta1.PhaseProgressing, nil},
		"emptymetadata": {"Empty metadata is no metadata.", v1beta1.PhaseProgressing, map[string]string{}},
		"metadata": {
			"Metadata is passed on by ascending key.", v1beta1.PhaseSucceeded,
			map[string]string{"type": "bash", "cmd": "hey -z 1m http://podinfo-canary.test/"},
		},
		"event": {
			"An event brings its text, its type and its time in milliseconds.", v1beta1.PhaseProgressing,
			eventMetadata(nil, advance, at),
		},
		"eventmetadata": {
			"Metadata of the hook stays beside the event's, but cannot pretend to be it.", "",
			eventMetadata(map[string]string{"channel": "ops", "eventMessage": "forged", "timestamp": "0"}, advance, at),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(tc.reason)
			body, err := encode(podinfo(), tc.phase, tc.metadata)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".json", body)
		})
	}
}
