package kube_test

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/internal/kube"
)

func TestInherited(t *testing.T) {
	source := map[string]string{
		"app":                              "podinfo",
		"team":                             "shop",
		"example.com/team":                 "shop",
		"kustomize.toolkit.fluxcd.io/name": "apps",
	}
	for name, test := range map[string]struct {
		reason   string
		prefixes []string
		want     map[string]string
	}{
		"Nothing": {
			reason: "Without prefixes nothing is taken over.",
			want:   map[string]string{},
		},
		"AnEmptyPrefix": {
			reason:   "The empty item of an empty flag is no prefix of everything.",
			prefixes: []string{""},
			want:     map[string]string{},
		},
		"APrefix": {
			reason:   "A prefix counts from the beginning of the key.",
			prefixes: []string{"", "team", "zone"},
			want:     map[string]string{"team": "shop"},
		},
		"Everything": {
			reason:   "The star takes all but the marks of Flux.",
			prefixes: []string{"*"},
			want:     map[string]string{"app": "podinfo", "team": "shop", "example.com/team": "shop"},
		},
		"TheMarksOfFlux": {
			reason:   "Not even their own prefix takes them over.",
			prefixes: []string{"kustomize.toolkit.fluxcd.io/"},
			want:     map[string]string{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := maps.Clone(source)
			got := kube.Inherited(source, test.prefixes)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
			got["another"] = "label"
			if !maps.Equal(before, source) {
				t.Error("the source's own map was changed")
			}
		})
	}
	if got := kube.Inherited(nil, []string{"*"}); got == nil {
		t.Error("the caller cannot add to nil")
	}
}
