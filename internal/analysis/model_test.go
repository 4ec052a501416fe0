package analysis

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
)

func podinfo(changes ...func(*v1beta1.Canary)) *v1beta1.Canary {
	c := &v1beta1.Canary{
		ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "prod"},
		Spec: v1beta1.CanarySpec{
			TargetRef: v1beta1.LocalObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "podinfo"},
		},
	}
	for _, change := range changes {
		change(c)
	}
	return c
}

func TestNewModel(t *testing.T) {
	bare := Model{
		Name: "shop", Namespace: "prod", Target: "podinfo", Kind: "Deployment",
		Service: "podinfo", Ingress: "podinfo", Route: "podinfo", Interval: "1m",
	}
	full := bare
	full.Service, full.Ingress, full.Route, full.Interval = "front", "door", "path", "30s"
	full.Variables = map[string]string{"code": "404"}

	cases := map[string]struct {
		reason string
		change func(*v1beta1.Canary)
		metric v1beta1.CanaryMetric
		want   Model
	}{
		"Defaults": {
			reason: "What a canary leaves out is named after its target, and the window is one minute.",
			change: func(*v1beta1.Canary) {},
			want:   bare,
		},
		"EmptyReferences": {
			reason: "A reference without a name says as little as none.",
			change: func(c *v1beta1.Canary) { c.Spec.IngressRef = &v1beta1.LocalObjectReference{} },
			want:   bare,
		},
		"AsWritten": {
			reason: "What a canary says goes into the query as it is.",
			change: func(c *v1beta1.Canary) {
				c.Spec.Service.Name = "front"
				c.Spec.IngressRef = &v1beta1.LocalObjectReference{Name: "door"}
				c.Spec.RouteRef = &v1beta1.LocalObjectReference{Name: "path"}
			},
			metric: v1beta1.CanaryMetric{Interval: "30s", TemplateVariables: map[string]string{"code": "404"}},
			want:   full,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := NewModel(podinfo(tc.change), tc.metric)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nNewModel(...): -want +got\n%s", tc.reason, diff)
			}
		})
	}
}

func TestRender(t *testing.T) {
	m := Model{
		Name: "n", Namespace: "ns", Target: "t", Service: "s", Ingress: "i", Route: "r", Interval: "2m",
		Variables: map[string]string{"code": `5.*"}`},
	}
	cases := map[string]struct {
		reason    string
		template  string
		model     Model
		want      string
		wantError string
	}{
		"AllFunctions": {
			reason:   "Every function of the contract is there.",
			template: "{{ name }} {{ namespace }} {{ target }} {{ service }} {{ ingress }} {{ route }} {{ interval }} {{ variables.code }}",
			model:    m,
			want:     `n ns t s i r 2m 5.*"}`,
		},
		"StandardFunctions": {
			reason:   "The standard functions of text/template are there.",
			template: `{{ if eq target "t" }}{{ printf "%s-%s" target (index variables "code") }}{{ end }}`,
			model:    m,
			want:     `t-5.*"}`,
		},
		"IndexOfMissingVariable": {
			reason:   "index yields nothing for a missing key, even without variables.",
			template: `[{{ index variables "foo" }}]`,
			want:     "[]",
		},
		"Untouched": {
			reason:   "A query without actions, comments and newlines included, stays as it is.",
			template: "up # {live}\n",
			want:     "up # {live}\n",
		},
		"MissingVariable": {
			reason:    "A query with a hole must not be sent.",
			template:  "{{ variables.foo }}",
			model:     m,
			wantError: "template excution failed: ",
		},
		"NoVariables": {
			reason:    "A metric without variables has no hole either.",
			template:  "{{ variables.foo }}",
			wantError: "template excution failed: ",
		},
		"NoData": {
			reason:    "There is no data object: fields are functions.",
			template:  "{{ .interval }}",
			model:     m,
			wantError: "template excution failed: ",
		},
		"Broken": {
			reason:    "A template that cannot be parsed says so.",
			template:  "{{ interval",
			wantError: "template parsing failed: ",
		},
		"UnknownFunction": {
			reason:    "Functions of other template libraries are not there.",
			template:  "{{ interval | upper }}",
			wantError: "template parsing failed: ",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := tc.model.Render(tc.template)
			if got != tc.want {
				t.Errorf("%s\nRender(...): want %q, got %q", tc.reason, tc.want, got)
			}
			switch {
			case tc.wantError == "" && err != nil:
				t.Errorf("%s\nRender(...): %v", tc.reason, err)
			case tc.wantError != "" && (err == nil || !strings.HasPrefix(err.Error(), tc.wantError)):
				t.Errorf("%s\nRender(...): want an error that starts with %q, got %v", tc.reason, tc.wantError, err)
			}
		})
	}
}
