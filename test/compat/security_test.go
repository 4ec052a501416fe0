package compat

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"flagger.app/flagger/internal/testkit"
)

// namedTest is a test as SECURITY.md names it: `folder Test`.
var namedTest = regexp.MustCompile("`([a-z/]+ Test[A-Za-z]+)`")

// What SECURITY.md claims is shown by tests that are there and run.
func TestSecurityClaimsAreTested(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(testkit.Root(), "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, model, found := strings.Cut(string(content), "|---|---|---|---|\n")
	if !found {
		t.Fatal("SECURITY.md has no threat model")
	}
	model, _, _ = strings.Cut(model, "\n\n")
	packages := map[string]*testPackage{}
	for _, row := range strings.Split(model, "\n") {
		proofs := namedTest.FindAllStringSubmatch(row, -1)
		if len(proofs) == 0 {
			t.Errorf("no test shows this: %s", row)
		}
		for _, proof := range proofs {
			folder, test, _ := strings.Cut(proof[1], " ")
			if packages[folder] == nil {
				packages[folder] = readTests(t, folder)
			}
			if err := packages[folder].find(test); err != nil {
				t.Errorf("%s: %v", folder, err)
			}
		}
	}
}
