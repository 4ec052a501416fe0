package apisix

import (
	"maps"
	"testing"
)

func TestTakesFrom(t *testing.T) {
	// ranked is a rule of a priority with the conditions of match besides its path.
	ranked := func(priority int64, path string, match map[string]any) rule {
		one := rule{"priority": priority, "match": map[string]any{"paths": []any{"/other", path}}}
		maps.Copy(one["match"].(map[string]any), match)
		return one
	}
	shop := map[string]any{"hosts": []any{"shop.example.com"}}
	header := map[string]any{"exprs": []any{map[string]any{"op": "Equal"}}}
	get, post := map[string]any{"methods": []any{"GET"}}, map[string]any{"methods": []any{"POST"}}
	for name, test := range map[string]struct {
		reason     string
		one, other rule
		want       bool
	}{
		"Exception": {
			reason: "A rule for some requests of the same path is overtaken.",
			one:    ranked(0, "/*", nil), other: ranked(1, "/*", header), want: true,
		},
		"ExceptionOfTheSameHost": {
			reason: "A host in common does not keep them apart.",
			one:    ranked(0, "/*", shop), other: ranked(1, "/*", shop), want: true,
		},
		"ExceptionOfOneMethod": {
			reason: "No method is all methods.",
			one:    ranked(0, "/*", nil), other: ranked(1, "/*", get), want: true,
		},
		"SameMethod": {
			reason: "A method in common does not keep them apart.",
			one:    ranked(0, "/*", get), other: ranked(1, "/*", get), want: true,
		},
		"AsHighAsTheCopy": {
			reason: "Which of two equals comes first is not known.",
			one:    ranked(5, "/*", nil), other: ranked(10005, "/*", nil), want: true,
		},
		"AboveTheCopy": {
			reason: "This is how a user keeps the exception.",
			one:    ranked(5, "/*", nil), other: ranked(10006, "/*", nil),
		},
		"SamePriority": {
			reason: "It does not outrank the rule today.",
			one:    ranked(5, "/*", nil), other: ranked(5, "/*", header),
		},
		"NoPriorities": {
			reason: "The default of both is 0.",
			one:    rule{"match": map[string]any{"paths": []any{"/*"}}}, other: rule{"match": map[string]any{"paths": []any{"/*"}}},
		},
		"AnotherPath": {
			reason: "The closer path comes first, whatever the priority.",
			one:    rule{"match": map[string]any{"paths": []any{"/*"}}}, other: rule{"priority": int64(1), "match": map[string]any{"paths": []any{"/api/*"}}},
		},
		"AnotherHost": {
			reason: "No request is for both.",
			one:    ranked(0, "/*", shop), other: ranked(1, "/*", map[string]any{"hosts": []any{"api.example.com"}}),
		},
		"AnyHost": {
			reason: "Whether the host or the path comes first is a setting of APISIX.",
			one:    ranked(0, "/*", shop), other: ranked(1, "/*", nil),
		},
		"AnotherMethod": {
			reason: "No request is of both.",
			one:    ranked(0, "/*", get), other: ranked(1, "/*", post),
		},
		"AConditionOfItsOwn": {
			reason: "Who can tell whether both conditions ever hold.",
			one:    ranked(0, "/*", header), other: ranked(1, "/*", header),
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := takesFrom(test.one, test.other); got != test.want {
				t.Errorf("%s Got %t, want %t", test.reason, got, test.want)
			}
		})
	}
}
