package loadtester

import (
	"errors"
	"strings"
	"unicode"
)

var errUnclosedQuote = errors.New("cmd has a quote that is not closed")

// words splits a command line at white space, except within quotes. Nothing is expanded.
//
// A quote counts where a word begins, after an equals sign and after another quoted part; anywhere else it is an
// ordinary character. So both --overrides='{ "spec": {} }' and -p {"spec":{}} mean what their author sees, the second of
// which is how it had to be written when quotes did not count at all. For the same reason a backslash only escapes white
// space, quotes and itself, and within single quotes nothing: --set a\.b=c keeps it.
func words(line string) ([]string, error) {
	s := splitter{rest: []rune(line)}
	for len(s.rest) > 0 {
		s.step()
	}
	if s.quote != 0 {
		return nil, errUnclosedQuote
	}
	s.endWord()
	return s.words, nil
}

// splitter goes through a command line one character at a time.
type splitter struct {
	rest  []rune
	words []string
	word  strings.Builder
	// inWord tells an empty word in quotes from none.
	inWord bool
	// quotable reports whether a quote would count here.
	quotable bool
	// quote is the one that is open, 0 for none.
	quote rune
}

func (s *splitter) step() {
	r := s.rest[0]
	s.rest = s.rest[1:]
	switch {
	case r == '\\' && s.escapes():
		s.add(s.rest[0])
		s.rest = s.rest[1:]
	case s.quote != 0 && r == s.quote:
		s.quote, s.quotable = 0, true
	case s.quote == 0 && (r == '\'' || r == '"') && (s.quotable || !s.inWord):
		s.quote, s.inWord = r, true
	case s.quote == 0 && unicode.IsSpace(r):
		s.endWord()
	default:
		s.add(r)
		s.quotable = r == '='
	}
}

// escapes reports whether a backslash takes the meaning from the next character.
func (s *splitter) escapes() bool {
	if len(s.rest) == 0 || s.quote == '\'' {
		return false
	}
	next := s.rest[0]
	return next == '\\' || next == '"' || s.quote == 0 && (next == '\'' || unicode.IsSpace(next))
}

func (s *splitter) add(r rune) {
	s.word.WriteRune(r)
	s.inWord, s.quotable = true, false
}

func (s *splitter) endWord() {
	if s.inWord {
		s.words = append(s.words, s.word.String())
	}
	s.word.Reset()
	s.inWord, s.quotable = false, false
}
