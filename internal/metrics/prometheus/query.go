package prometheus

import (
	"strings"
	"unicode"
)

// oneLine returns a PromQL query without comments and with single spaces. Strings, in any of PromQL's three quotes,
// stay as they are.
func oneLine(query string) string {
	var line strings.Builder
	space := false
	for rest := query; rest != ""; {
		size := tokenSize(rest)
		token := rest[:size]
		rest = rest[size:]
		if token[0] == '#' || strings.TrimSpace(token) == "" {
			space = true
			continue
		}
		if space && line.Len() > 0 {
			line.WriteByte(' ')
		}
		space = false
		line.WriteString(token)
	}
	return line.String()
}

// tokenSize returns how many bytes of text, which is not empty, belong together: a comment, a string, a run of
// whitespace, or anything up to the next of these.
func tokenSize(text string) int {
	until := func(stops func(rune) bool) int {
		if end := strings.IndexFunc(text[1:], stops); end >= 0 {
			return end + 1
		}
		return len(text)
	}
	switch first := rune(text[0]); first {
	case '#':
		return until(func(r rune) bool { return r == '\n' })
	case '"', '\'', '`':
		return stringSize(text)
	default:
		if unicode.IsSpace(first) {
			return until(func(r rune) bool { return !unicode.IsSpace(r) })
		}
		return until(func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("#\"'`", r) })
	}
}

// stringSize returns the bytes of the string that text starts with, or all of text if the string does not end.
func stringSize(text string) int {
	quote := text[0]
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote != '`':
			i++
		case text[i] == quote:
			return i + 1
		}
	}
	return len(text)
}
