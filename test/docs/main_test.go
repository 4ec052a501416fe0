package docs

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	ctrl "sigs.k8s.io/controller-runtime"

	"flagger.app/flagger/internal/testkit"
)

var update = flag.Bool("update", false, "write the generated parts of the documentation anew")

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	os.Exit(testkit.Main(m))
}

// pages returns the paths of all pages.
func pages(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(filepath.Join(testkit.Root(), "docs"), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			found = append(found, path)
		}
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("found no pages: %v", err)
	}
	return found
}

// title is a page's path as people name it.
func title(page string) string {
	return strings.TrimPrefix(page, filepath.Join(testkit.Root(), "docs")+string(filepath.Separator))
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// generated holds a page against what its generated parts should be, or writes it with -update.
func generated(t *testing.T, page, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, read(t, page)); diff != "" {
		t.Errorf("%s is out of date; -update writes it (-want +got):\n%s", title(page), diff)
	}
}
