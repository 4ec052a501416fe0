package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		want   []string // parts of the text; none if all is well
	}{
		"Defaults":      {"The defaults are in order.", nil, nil},
		"HostPort":      {"One address may be enough.", []string{"-port=127.0.0.1:8080"}, nil},
		"Gates":         {"A name has two parts.", []string{"-gates-configmap=test/gates"}, nil},
		"NoTime":        {"A limit of nothing would kill every task.", []string{"-timeout=0s"}, []string{"-timeout: 0s"}},
		"NoTasks":       {"Some task has to run.", []string{"-max-tasks=0"}, []string{"-max-tasks: 0"}},
		"NoNamespace":   {"Whose gates?", []string{"-gates-configmap=gates"}, []string{`-gates-configmap: "gates" is not namespace/name`}},
		"ThreeParts":    {"Nor has it three.", []string{"-gates-configmap=a/b/c"}, []string{`"a/b/c" is not namespace/name`}},
		"NoName":        {"Both must be there.", []string{"-gates-configmap=a/"}, []string{`"a/" is not namespace/name`}},
		"Pattern":       {"A bad pattern would let nobody in, or everybody.", []string{"-namespace-regexp=("}, []string{"-namespace-regexp: error parsing regexp"}},
		"NoPort":        {"A port is a number.", []string{"-port=http"}, []string{`-port: "http" is not a port`}},
		"ManyColons":    {"An address needs its brackets.", []string{"-port=::1:8080"}, []string{"neither a port nor host:port"}},
		"UnknownFormat": {"A log that nobody can parse helps nobody.", []string{"-zap-encoding=xml"}, []string{`-zap-encoding: "xml" is neither json nor console`}},
		"SeveralAtOnce": {"All mistakes are told together.", []string{"-port=x", "-max-tasks=-1"}, []string{"-port", "-max-tasks"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := parsed(t, tc.args...).validate()
			if (err != nil) != (len(tc.want) > 0) {
				t.Fatalf("%s\ngot %v", tc.reason, err)
			}
			for _, part := range tc.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s\ngot %q, want it to contain %q", tc.reason, err, part)
				}
			}
		})
	}
}

func TestTokenFile(t *testing.T) {
	write := func(content string) string {
		path := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cases := map[string]struct {
		reason string
		path   string
		want   string
		broken bool
	}{
		"None":    {"Without the flag everybody is served.", "", "", false},
		"Token":   {"A new line at the end is the editor's.", write("s3cret\n"), "s3cret", false},
		"Empty":   {"An empty token would let everybody in.", write(" \n"), "", true},
		"Missing": {"So would a missing one.", "/no/such/file", "", true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := parsed(t, "-token-file="+tc.path).token()
			if got != tc.want || (err != nil) != tc.broken {
				t.Errorf("%s\ngot %q, %v", tc.reason, got, err)
			}
		})
	}
}
