package docs

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/test/config/manifest"
)

// block is a fenced block of a page.
type block struct {
	info string
	line int // of the page
	text string
}

// fence begins or ends a block. One inside a list is indented, and so is its text.
var fence = regexp.MustCompile("^( *)```(.*)$")

func blocks(page string) []block {
	var all []block
	var open *block
	indent := ""
	for i, line := range strings.Split(page, "\n") {
		switch mark := fence.FindStringSubmatch(line); {
		case mark != nil && open == nil:
			indent, open = mark[1], &block{info: mark[2], line: i + 1}
		case mark != nil:
			all, open = append(all, *open), nil
		case open != nil:
			open.text += strings.TrimPrefix(line, indent) + "\n"
		}
	}
	return all
}

func TestYAML(t *testing.T) {
	cluster := manifest.NewCluster(t)
	for _, page := range pages(t) {
		for _, b := range blocks(read(t, page)) {
			kind, rest, _ := strings.Cut(b.info, " ")
			if kind != "yaml" {
				continue
			}
			t.Run(title(page)+":"+strconv.Itoa(b.line), func(t *testing.T) { check(t, cluster, rest, b.text) })
		}
	}
}

// check holds one block against what it says it is.
func check(t *testing.T, cluster manifest.Cluster, kind, text string) {
	t.Helper()
	word, chart, _ := strings.Cut(kind, " ")
	switch word {
	case "":
		cluster.Offer(t, manifest.Decode(t, text))
	case "analysis", "service":
		cluster.Offer(t, []*manifest.Object{canaryWith(t, word, text)})
	case "values":
		if chart == "" {
			chart = "flagger"
		}
		file := filepath.Join(t.TempDir(), "values.yaml")
		write(t, file, text)
		manifest.Helm(t, chart, "test", "-f", file)
	case "overlay":
		folder := filepath.Join(t.TempDir(), "overlay")
		write(t, filepath.Join(folder, "kustomization.yaml"), text)
		if err := os.Symlink(filepath.Join(testkit.Root(), "config"), filepath.Join(folder, "..", "config")); err != nil {
			t.Fatal(err)
		}
		cluster.Offer(t, manifest.Kustomize(t, folder))
	default:
		t.Errorf("a block of a kind that nobody tests: %q", kind)
	}
}

// write makes a file, and its folder.
func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const base = `
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: podinfo, namespace: test}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: podinfo}
  service: {port: 80}
  analysis: {interval: 1m, threshold: 5}
`

// canaryWith is a canary with the given fields in one part of its spec.
func canaryWith(t *testing.T, part, text string) *manifest.Object {
	t.Helper()
	var fields map[string]any
	if err := yaml.Unmarshal([]byte(text), &fields); err != nil {
		t.Fatal(err)
	}
	canary := manifest.Decode(t, base)[0]
	spec := canary.Object["spec"].(map[string]any)
	maps.Copy(spec[part].(map[string]any), fields)
	if analysis := spec["analysis"].(map[string]any); analysis["iterations"] == nil && analysis["stepWeights"] == nil {
		analysis["stepWeight"] = int64(10)
	}
	return canary
}
