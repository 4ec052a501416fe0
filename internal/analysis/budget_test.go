package analysis

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestRenderIsBounded(t *testing.T) {
	long := strings.Repeat("x", 400)
	many := map[string]string{}
	for i := range 20_000 {
		many[fmt.Sprint("k", i)] = "v"
	}
	cases := map[string]struct {
		reason    string
		template  string
		variables map[string]string
		want      string
		wantError error
	}{
		"Loop": {
			reason:    "Loops are part of the language, and a list of matchers is what they are good for.",
			template:  `up{ {{- range $k, $v := variables }}{{ $k }}="{{ $v }}",{{ end -}} }`,
			variables: map[string]string{"code": "200", "app": "podinfo"},
			want:      `up{app="podinfo",code="200",}`,
		},
		"LoopInLoop": {
			reason:   "Some hundreds of passes are no offence.",
			template: `{{ range $i := 20 }}{{ range $j := 20 }}{{ if eq $i $j }}{{ $i }} {{ end }}{{ end }}{{ end }}`,
			want:     "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 ",
		},
		"LoopThatBreaks": {
			reason:   "Every loop says when it ends.",
			template: `{{ range 99999999999 }}{{ . }}{{ break }}{{ end }}`,
			want:     "0",
		},
		"Definition": {
			reason:   "Templates of its own are part of the language.",
			template: `{{ define "q" }}{{ target }}-{{ . }} {{ end }}{{ template "q" 1 }}{{ template "q" 2 }}`,
			want:     "web-1 web-2 ",
		},
		"LongVariables": {
			reason:    "Who has many variables, and no loop, gets a query.",
			template:  "{{ target }}{{ variables.k7 }}",
			variables: many,
			want:      "webv",
		},
		"Functions": {
			reason:    "What makes texts makes the same as ever, but for %T.",
			template:  `{{ print 1 2 "a" }} {{ printf "%s|%5.1f|%-3d|%q|%v|%%|%[1]T" name 1.25 7 target variables }} {{ html "<" }} {{ js "'" }} {{ urlquery "a b" }}{{ println nil }}`,
			variables: map[string]string{"a": "b"},
			want:      "1 2a shop|  1.2|7  |\"web\"|map[a:b]|%|analysis.operand &lt; \\' a+b<nil>\n",
		},
		"LoopWithoutEnd": {
			reason:    "A loop that writes nothing must not hold a worker.",
			template:  `{{ range 99999999999 }}{{ end }}`,
			wantError: errTooManySteps,
		},
		"LoopsWithoutEnd": {
			reason:    "Nor must many short ones, wherever they are.",
			template:  `{{ if true }}{{ with 1 }}{{ range 999 }}{{ range 999 }}{{ continue }}{{ end }}{{ else }}{{ range 9 }}{{ end }}{{ end }}{{ end }}{{ end }}`,
			wantError: errTooManySteps,
		},
		"LoopOtherwise": {
			reason:    "What stands behind else is looked at as well.",
			template:  `{{ with "" }}{{ else }}{{ range 0 }}{{ else }}{{ range 99999999999 }}{{ end }}{{ end }}{{ end }}`,
			wantError: errTooManySteps,
		},
		"LoopOverVariables": {
			reason:    "Variables are sorted for every loop, so a loop over many is long.",
			template:  `{{ range 99 }}{{ range variables }}{{ break }}{{ end }}{{ end }}`,
			variables: many,
			wantError: errTooManySteps,
		},
		"Recursion": {
			reason:    "A template that calls itself ends.",
			template:  `{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}`,
			wantError: errTooManySteps,
		},
		"RecursionOfAll": {
			reason:    "The query is a template as well.",
			template:  `{{ template "query" }}`,
			wantError: errTooManySteps,
		},
		"Doubling": {
			reason:    "Templates that call two others each need no recursion to grow.",
			template:  doubling(40),
			wantError: errTooManySteps,
		},
		"LongTemplate": {
			reason:    "What is longer than any query is not even parsed.",
			template:  strings.Repeat("{{", maxQueryBytes),
			wantError: errTemplateTooLong,
		},
		"LongQuery": {
			reason:    "A template must not eat the operator's memory.",
			template:  `{{ range 200 }}` + long + `{{ end }}`,
			wantError: errQueryTooLong,
		},
		"LongText": {
			reason:    "Nor must a text that it does not even write.",
			template:  `{{ $x := "` + long + `" }}` + strings.Repeat(`{{ $x = print $x $x }}`, 99),
			wantError: errQueryTooLong,
		},
		"LongTextFromLongTexts": {
			reason:    "However it is made.",
			template:  `{{ $x := print` + strings.Repeat(" variables 1", 999) + ` }}`,
			variables: many,
			wantError: errTooManySteps,
		},
		"LongTextInAWord": {
			reason:    "printf can repeat what it is given.",
			template:  `{{ printf "` + strings.Repeat("%[1]v", 10_000) + `" variables }}`,
			variables: many,
			wantError: errTooManySteps,
		},
		"Wide": {
			reason:    "Or write a million blanks at each verb.",
			template:  `{{ printf "` + strings.Repeat("%999999d", 7000) + `" 1 }}`,
			wantError: errTooManySteps,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			m := Model{Name: "shop", Target: "web", Variables: tc.variables}
			got, err := m.Render(tc.template)
			if got != tc.want {
				t.Errorf("%s\nRender(...): want %q, got %q", tc.reason, tc.want, got)
			}
			if !errors.Is(err, tc.wantError) {
				t.Errorf("%s\nRender(...): want error %v, got %v", tc.reason, tc.wantError, err)
			}
		})
	}
}

// doubling is a template of that many templates, each of which calls the next one twice.
func doubling(levels int) string {
	text := ""
	for level := range levels {
		text += fmt.Sprintf(`{{ define "t%d" }}{{ template "t%[2]d" }}{{ template "t%[2]d" }}{{ end }}`, level, level+1)
	}
	return text + fmt.Sprintf(`{{ define "t%d" }}{{ end }}{{ template "t0" }}`, levels)
}
