package rollouttest

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// guardsFile holds the table of guards, one row for each invariant.
const guardsFile = "../guard.go"

// invariants are the guards that must be there.
const invariants = 9

// TestEveryGuardIsNeeded takes each guard out of the door, in a build of its own, and requires that the simulation then
// finds the harm: a guard that can be left out guards nothing, or the simulation does not look.
func TestEveryGuardIsNeeded(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the simulation nine times")
	}
	source, err := os.ReadFile(guardsFile)
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\t\{"(I\d)", \w+\},\n`).FindAllSubmatchIndex(source, -1)
	if len(rows) != invariants {
		t.Fatalf("%s has %d guards, want %d", guardsFile, len(rows), invariants)
	}
	for _, row := range rows {
		name := string(source[row[2]:row[3]])
		mutant := string(source[:row[0]]) + string(source[row[1]:])
		t.Run(name, func(t *testing.T) {
			output, err := exec.Command(build(t, mutant), "-test.run=^TestSimulate$", "-sequences=40000").CombinedOutput()
			failed := new(exec.ExitError)
			if !errors.As(err, &failed) || !strings.Contains(string(output), ErrForbidden.Error()) {
				t.Errorf("nothing happens without the guard of %s: %v\n%s", name, err, output)
			}
		})
	}
}

// build compiles the tests of this package with another table of guards, and returns the program.
func build(t *testing.T, guards string) string {
	t.Helper()
	folder := t.TempDir()
	replaced, err := filepath.Abs(guardsFile)
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{replaced: filepath.Join(folder, "guard.go")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"guard.go": guards, "overlay.json": string(overlay)} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(folder, "mutant.test")
	output, err := exec.Command("go", "test", "-c", "-overlay", filepath.Join(folder, "overlay.json"), "-o", program, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("build without a guard: %v\n%s", err, output)
	}
	return program
}
