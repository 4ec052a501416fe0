package image

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flagger.app/flagger/internal/testkit"
)

// The Dockerfiles, each of which makes one image.
const (
	operator   = "Dockerfile"
	loadTester = "Dockerfile.loadtester"
)

// instruction is one of a Dockerfile.
type instruction struct {
	verb  string
	words []string // without the options, which begin with --
	from  string   // of COPY: the stage, empty for the tree
}

// stage is what one FROM begins.
type stage struct {
	base         string
	name         string // empty for the last
	instructions []instruction
}

// stages reads a Dockerfile.
func stages(t *testing.T, dockerfile string) []stage {
	t.Helper()
	text := strings.ReplaceAll(read(t, dockerfile), "\\\n", " ")
	var all []stage
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		next := instruction{verb: words[0]}
		for _, word := range words[1:] {
			if stage, found := strings.CutPrefix(word, "--from="); found {
				next.from = stage
			} else if !strings.HasPrefix(word, "--") || next.verb == "RUN" {
				next.words = append(next.words, word)
			}
		}
		if next.verb == "FROM" {
			all = append(all, stage{base: next.words[0]})
			if len(next.words) == 3 { // FROM base AS name
				all[len(all)-1].name = next.words[2]
			}
			continue
		}
		last := &all[len(all)-1]
		last.instructions = append(last.instructions, next)
	}
	return all
}

// all returns the instructions of one verb.
func (s stage) all(verb string) []instruction {
	return slices.DeleteFunc(slices.Clone(s.instructions), func(i instruction) bool { return i.verb != verb })
}

// one returns the words of the only instruction of a verb.
func (s stage) one(t *testing.T, verb string) []string {
	t.Helper()
	found := s.all(verb)
	if len(found) != 1 {
		t.Fatalf("%d instructions %s, want 1", len(found), verb)
	}
	return found[0].words
}

// read returns a file of the tree.
func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(testkit.Root(), file))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
