package docs

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"flagger.app/flagger/internal/testkit"
)

// sample is the place of a file of config/samples in a page.
var sample = regexp.MustCompile(`(?s)(<!-- sample: (\S+) -->\n).*?(<!-- /sample -->\n)`)

// What a tutorial shows is what the repository holds.
func TestSamples(t *testing.T) {
	for _, page := range pages(t) {
		want := sample.ReplaceAllStringFunc(read(t, page), func(place string) string {
			part := sample.FindStringSubmatch(place)
			text := read(t, filepath.Join(testkit.Root(), "config", "samples", part[2]))
			return part[1] + "```yaml\n" + text + "```\n" + part[3]
		})
		generated(t, page, want)
	}
}

// Every sample is shown somewhere.
func TestSamplesAreShown(t *testing.T) {
	shown := map[string]bool{}
	for _, page := range pages(t) {
		text := read(t, page)
		for _, part := range sample.FindAllStringSubmatch(text, -1) {
			shown[part[2]] = true
		}
		for _, part := range regexp.MustCompile(`config/samples/([a-z-]+\.yaml)`).FindAllStringSubmatch(text, -1) {
			shown[part[1]] = true
		}
	}
	files, err := filepath.Glob(filepath.Join(testkit.Root(), "config", "samples", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("found no samples: %v", err)
	}
	for _, file := range files {
		if name := filepath.Base(file); !shown[name] {
			t.Errorf("no page shows config/samples/%s", name)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)]+)\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	for _, page := range pages(t) {
		for _, part := range link.FindAllStringSubmatch(read(t, page), -1) {
			path, _, _ := strings.Cut(part[1], "#")
			if path == "" || strings.Contains(path, "://") {
				continue
			}
			if found, err := filepath.Glob(filepath.Join(filepath.Dir(page), path)); err != nil || len(found) == 0 {
				t.Errorf("%s: nothing is at %s", title(page), part[1])
			}
		}
	}
}
