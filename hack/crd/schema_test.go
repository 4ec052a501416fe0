package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// sample is {spec: {ref: {kind, name}, list: [{map: {string: string}}]}}.
func sample() *schema {
	text := schema{Type: "string"}
	item := schema{Type: "object", Properties: map[string]schema{"map": {
		Type: "object", AdditionalProperties: &apiextensionsv1.JSONSchemaPropsOrBool{Schema: &text},
	}}}
	ref := schema{Type: "object", Required: []string{"name"}, Properties: map[string]schema{"kind": text, "name": text}}
	return &schema{Properties: map[string]schema{"spec": {Type: "object", Properties: map[string]schema{
		"ref":  ref,
		"list": {Type: "array", Items: &apiextensionsv1.JSONSchemaPropsOrArray{Schema: &item}},
	}}}}
}

func TestAmend(t *testing.T) {
	ref := func(s *schema) schema { return s.Properties["spec"].Properties["ref"] }
	cases := map[string]struct {
		reason string
		path   string
		change func(*schema) error
		look   func(*schema) any
		want   any
	}{
		"Property": {
			reason: "A change of a nested property reaches the tree it was found in.",
			path:   "spec.ref.kind",
			change: matching("^a$"),
			look:   func(s *schema) any { return ref(s).Properties["kind"].Pattern },
			want:   "^a$",
		},
		"ItemsAndValues": {
			reason: "Lists and maps are stepped into.",
			path:   "spec.list[].map{}",
			change: only("a"),
			look: func(s *schema) any {
				item := s.Properties["spec"].Properties["list"].Items.Schema
				return item.Properties["map"].AdditionalProperties.Schema.Enum
			},
			want: []apiextensionsv1.JSON{{Raw: []byte(`"a"`)}},
		},
		"Drop": {
			reason: "A property that is gone cannot be required.",
			path:   "spec.ref",
			change: drop("name"),
			look:   func(s *schema) any { return ref(s).Required },
			want:   []string{},
		},
		"Require": {
			reason: "Required names stay sorted and single.",
			path:   "spec.ref",
			change: require("name", "kind"),
			look:   func(s *schema) any { return ref(s).Required },
			want:   []string{"kind", "name"},
		},
		"Keep": {
			reason: "Only the named properties stay.",
			path:   "spec.ref",
			change: keep("kind"),
			look:   func(s *schema) any { return ref(s).Properties },
			want:   map[string]schema{"kind": {Type: "string"}},
		},
		"Alternatives": {
			reason: "One branch says that none of the properties is set.",
			path:   "spec.ref",
			change: alternatives(append(eachOf("kind"), noneOf("kind"))...),
			look:   func(s *schema) any { return ref(s).OneOf },
			want: []schema{
				{Required: []string{"kind"}},
				{Not: &schema{AnyOf: []schema{{Required: []string{"kind"}}}}},
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := sample()
			if err := amend(s, []amendment{{[]string{tc.path}, tc.change}}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, tc.look(s)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestAmendRefuses(t *testing.T) {
	cases := map[string]struct {
		reason string
		path   string
		change func(*schema) error
	}{
		"UnknownProperty": {"A renamed field must not lose its validation silently.", "spec.reference", withoutDefault},
		"NoList":          {"A field that is no list any more has no items.", "spec.ref[]", withoutDefault},
		"NoMap":           {"A field that is no map any more has no values.", "spec.ref{}", withoutDefault},
		"DropUnknown":     {"What is dropped must have been there.", "spec.ref", drop("namespace")},
		"KeepUnknown":     {"What is kept must be there.", "spec.ref", keep("namespace")},
		"DescribeSome":    {"A new property of a foreign type needs words of ours.", "spec.ref", describe(map[string]string{"name": "Name."})},
		"DescribeUnknown": {"Words need a property.", "spec.ref", describe(map[string]string{"namespace": "Namespace."})},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := amend(sample(), []amendment{{[]string{tc.path}, tc.change}}); err == nil {
				t.Errorf("%s\nwant an error", tc.reason)
			}
		})
	}
}
