package analysis

import (
	"strings"
	"testing"
)

// FuzzRender renders any template. It ends: calls counts how often it asks for one of the names, and each pass through
// a template of n bytes can ask n times at most.
func FuzzRender(f *testing.F) {
	f.Fuzz(func(t *testing.T, text, value string) {
		m := Model{Name: value, Target: value, Interval: value, Variables: map[string]string{"a": value, "b": "1"}}
		calls := 0
		functions := m.functions()
		functions["name"] = func() string {
			calls++
			return value
		}
		got, err := m.render(text, functions)
		switch {
		case err != nil && got != "":
			t.Errorf("Render(%q): a query %q beside the error %v", text, got, err)
		case len(got) > maxQueryBytes:
			t.Errorf("Render(%q): %d bytes", text, len(got))
		case calls > len(text)*(maxWork/leastPass+1):
			t.Errorf("Render(%q): %d calls", text, calls)
		case err == nil && !strings.Contains(text, "{{") && got != text:
			t.Errorf("Render(%q): a text without actions became %q", text, got)
		}
	})
}
