package main

import (
	"debug/buildinfo"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// decoded is the bill that lies beside a program, as other tools read it.
func decoded(t *testing.T, program string) *cdx.BOM {
	t.Helper()
	file, err := os.Open(program + ".cdx.json")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	bom := &cdx.BOM{}
	if err := cdx.NewBOMDecoder(file, cdx.BOMFileFormatJSON).Decode(bom); err != nil {
		t.Fatal(err)
	}
	return bom
}

// copied is a copy of this test's own program, which is as good as any.
func copied(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return program
}

func TestBillOfAProgram(t *testing.T) {
	program := copied(t)
	if err := run([]string{"v1.2.3", program}); err != nil {
		t.Fatal(err)
	}
	bom := decoded(t, program)
	subject := bom.Metadata.Component
	if subject.Version != "v1.2.3" || !strings.HasPrefix(subject.PackageURL, "pkg:golang/flagger.app/flagger/hack/sbom@v1.2.3#") {
		t.Errorf("the subject is the program at the version given: got %s, %s", subject.Version, subject.PackageURL)
	}
	if hashes := *subject.Hashes; len(hashes) != 1 || len(hashes[0].Value) != 64 {
		t.Errorf("who has the bill can tell the file: got %v", hashes)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, c := range *bom.Components {
		found[c.PackageURL] = c.Version
	}
	want := map[string]string{"pkg:golang/stdlib@" + strings.TrimPrefix(runtime.Version(), "go"): strings.TrimPrefix(runtime.Version(), "go")}
	for _, module := range info.Deps {
		want["pkg:golang/"+module.Path+"@"+module.Version] = module.Version
	}
	for purl, version := range want {
		if found[purl] != version {
			t.Errorf("%s is compiled in and has to be in the bill at %s: got %v", purl, version, found)
		}
	}
	if len(want) < 2 || len(found) != len(want) {
		t.Errorf("there is nothing else: want %d, got %v", len(want), found)
	}
}

func TestTheSameProgramHasTheSameBill(t *testing.T) {
	program := copied(t)
	var bills [2]string
	for i := range bills {
		if err := run([]string{"v1", program}); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(program + ".cdx.json")
		if err != nil {
			t.Fatal(err)
		}
		bills[i] = string(content)
	}
	if bills[0] != bills[1] {
		t.Errorf("a bill changes with its program alone:\n%s\n%s", bills[0], bills[1])
	}
}

func TestLibrary(t *testing.T) {
	cases := map[string]struct {
		reason string
		module debug.Module
		want   string
	}{
		"Released":     {"A module is known by its path and version.", debug.Module{Path: "k8s.io/api", Version: "v0.37.0"}, "pkg:golang/k8s.io/api@v0.37.0"},
		"Incompatible": {"A plus in a URL may be read as a space.", debug.Module{Path: "github.com/x/y", Version: "v2.0.0+incompatible"}, "pkg:golang/github.com/x/y@v2.0.0%2Bincompatible"},
		"Replaced": {"What counts is what was compiled.", debug.Module{Path: "a.b/c", Version: "v1.0.0",
			Replace: &debug.Module{Path: "d.e/f", Version: "v1.0.1"}}, "pkg:golang/d.e/f@v1.0.1"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := library(&tc.module).PackageURL; got != tc.want {
				t.Errorf("%s\nwant %s, got %s", tc.reason, tc.want, got)
			}
		})
	}
}

func TestRunRefuses(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"NoProgram":  {"v1"},
		"Missing":    {"v1", text + ".missing"},
		"NotAGoFile": {"v1", text},
	} {
		if err := run(args); err == nil {
			t.Errorf("%s: a bill of nothing says that there is nothing to worry about", name)
		}
	}
}
