package loadtester

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWords(t *testing.T) {
	cases := map[string]struct {
		reason string
		line   string
		want   []string
	}{
		"None":           {"A program may have no arguments.", " \t\n", nil},
		"Plain":          {"White space of any kind and length separates.", " test\tpodinfo \n --logs\u00a0x ", []string{"test", "podinfo", "--logs", "x"}},
		"SingleQuoted":   {"The documented way to pass JSON.", `run x --overrides='{ "spec": {} }' -- sh`, []string{"run", "x", `--overrides={ "spec": {} }`, "--", "sh"}},
		"DoubleQuoted":   {"A word may be quoted as a whole.", `"a b" c`, []string{"a b", "c"}},
		"Empty":          {"An empty word is one.", `'' --x="" y`, []string{"", "--x=", "y"}},
		"Other":          {"One kind of quote is nothing to the other.", `"it's" '"'`, []string{"it's", `"`}},
		"Joined":         {"A quote may follow another quoted part.", `"a b"'c d'e`, []string{"a bc de"}},
		"Escaped":        {"A quote within double quotes is escaped.", `"say \"hi\" \\ \n"`, []string{`say "hi" \ \n`}},
		"EscapedSpace":   {"So is a space without quotes.", `a\ b \'c \"d e\\f`, []string{"a b", "'c", `"d`, `e\f`}},
		"SingleVerbatim": {"Nothing is escaped in single quotes.", `'a\b\\' c`, []string{`a\b\\`, "c"}},
		"OldJSON":        {"What had to be written without quotes still works.", `patch x -p {"spec":{"replicas":2}}`, []string{"patch", "x", "-p", `{"spec":{"replicas":2}}`}},
		"OldBackslash":   {"Helm has escapes of its own.", `--set a\.b=c`, []string{"--set", `a\.b=c`}},
		"OldApostrophe":  {"An apostrophe is none.", `echo it's`, []string{"echo", "it's"}},
		"OldPath":        {"Nor is a quote in the middle.", `--set n."k\.io/r"=x`, []string{"--set", `n."k\.io/r"=x`}},
		"LastBackslash":  {"There is nothing to escape.", `a \`, []string{"a", `\`}},
		"NothingExpands": {"There is no shell.", `$HOME *; | > x`, []string{"$HOME", "*;", "|", ">", "x"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := words(tc.line)
			if err != nil {
				t.Fatalf("%s\n%v", tc.reason, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestWordsUnclosed(t *testing.T) {
	for _, line := range []string{`'`, `--x="a b`, `'a' "b'`, `"a\"`} {
		if _, err := words(line); !errors.Is(err, errUnclosedQuote) {
			t.Errorf("%s: got %v", line, err)
		}
	}
}
