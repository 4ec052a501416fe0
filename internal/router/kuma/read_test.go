package kuma

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router/routertest"
)

func TestRead(t *testing.T) {
	split := func(portions ...any) map[string]any { return map[string]any{"split": portions} }
	for name, test := range map[string]struct {
		reason string
		conf   map[string]any
		want   rollout.Traffic
		found  bool
	}{
		"Weights": {
			reason: "As they were rendered.",
			conf:   split(portion("podinfo-primary_test_svc_80", 70), portion("podinfo-canary_test_svc_80", 30)),
			want:   rollout.Split(30), found: true,
		},
		"OtherSum": {
			reason: "Kuma goes by the share of the sum.",
			conf:   split(portion("podinfo-primary_test_svc_80", 3), portion("podinfo-canary_test_svc_80", 1)),
			want:   rollout.Split(25), found: true,
		},
		"Twice": {
			reason: "The shares of one side add up.",
			conf: split(portion("podinfo-primary_test_svc_80", 2), portion("podinfo-canary_test_svc_80", 1),
				portion("podinfo-canary_test_svc_80", 1)),
			want: rollout.Split(50), found: true,
		},
		"AnotherPort": {
			reason: "The canary's port has changed since.",
			conf:   split(portion("podinfo-primary_test_svc_9898", 90), portion("podinfo-canary_test_svc_9898", 10)),
			want:   rollout.Split(10), found: true,
		},
		"OneSide": {
			reason: "A side without an entry has nothing.",
			conf:   split(portion("podinfo-canary_test_svc_80", 10)), want: rollout.ToCanary(), found: true,
		},
		"SingleDestination": {
			reason: "It has everything.",
			conf:   map[string]any{"destination": map[string]any{serviceTag: "podinfo-primary_test_svc_80"}},
			want:   rollout.ToPrimary(), found: true,
		},
		"Zeros": {
			reason: "Nobody is served.",
			conf:   split(portion("podinfo-primary_test_svc_80", 0), portion("podinfo-canary_test_svc_80", 0)), found: true,
		},
		"AnotherNamespace": {
			reason: "The Services of the name there are others.",
			conf:   split(portion("podinfo-primary_prod_svc_80", 90), portion("podinfo-canary_prod_svc_80", 10)),
		},
		"Apex":    {reason: "It is no side.", conf: split(portion("podinfo_test_svc_80", 100))},
		"Nothing": {reason: "It leads nowhere.", conf: map[string]any{}},
		"NoSplit": {reason: "What cannot be read is nothing.", conf: map[string]any{"split": []any{"podinfo"}}},
	} {
		t.Run(name, func(t *testing.T) {
			route := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"conf": test.conf}}}
			got, found := read(routertest.Canary(), route)
			if got != test.want || found != test.found {
				t.Errorf("%s Got %+v, %t, want %+v, %t", test.reason, got, found, test.want, test.found)
			}
		})
	}
}
