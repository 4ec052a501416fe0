package workload

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

// TestRevisionVectors pins revisions: a change of any of them restarts every canary of every user on an upgrade.
func TestRevisionVectors(t *testing.T) {
	folder := filepath.Join("testdata", "revision")
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no templates in %s: %v", folder, err)
	}
	got := map[string]string{}
	for _, file := range files {
		template := &corev1.PodTemplateSpec{}
		load(t, file, template)
		got[strings.TrimSuffix(filepath.Base(file), ".yaml")] = revision(t, template)
	}
	vectors := filepath.Join(folder, "vectors.json")
	if *update {
		encoded, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectors, append(encoded, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{}
	load(t, vectors, &want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pinned revisions (-want +got):\n%s", diff)
	}
}

func revision(t *testing.T, template *corev1.PodTemplateSpec) string {
	t.Helper()
	got, err := Revision(template)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func parse(t *testing.T, text string) *corev1.PodTemplateSpec {
	t.Helper()
	template := &corev1.PodTemplateSpec{}
	if err := yaml.UnmarshalStrict([]byte(text), template); err != nil {
		t.Fatal(err)
	}
	return template
}

func TestSpellingsOfOneTemplate(t *testing.T) {
	cases := map[string]struct{ reason, one, other string }{
		"EmptyMaps": {
			reason: "Whether a decoder leaves an empty map or nil is no change of the workload.",
			one:    `{spec: {containers: [{name: a}]}}`,
			other:  `{metadata: {creationTimestamp: null, labels: {}}, spec: {nodeSelector: {}, containers: [{name: a, resources: {}, env: []}]}}`,
		},
		"DecimalQuantities": {
			reason: "The API server stores 500m for 0.5.",
			one:    `{spec: {containers: [{name: a, resources: {limits: {cpu: "0.5"}}}]}}`,
			other:  `{spec: {containers: [{name: a, resources: {limits: {cpu: 500m}}}]}}`,
		},
		"BinaryQuantities": {
			reason: "Kubernetes compares quantities by value and starts no pods for another spelling.",
			one:    `{spec: {containers: [], volumes: [{name: v, emptyDir: {sizeLimit: 1Gi}}]}}`,
			other:  `{spec: {containers: [], volumes: [{name: v, emptyDir: {sizeLimit: "1073741824"}}]}}`,
		},
		"Exponents": {
			reason: "1e3 and 1k are one number.",
			one:    `{spec: {containers: [], overhead: {cpu: "1e3"}}}`,
			other:  `{spec: {containers: [], overhead: {cpu: "1k"}}}`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if one, other := revision(t, parse(t, tc.one)), revision(t, parse(t, tc.other)); one != other {
				t.Errorf("%s and %s differ; %s", one, other, tc.reason)
			}
		})
	}
}

func TestChangesOfATemplate(t *testing.T) {
	cases := map[string]struct{ reason, one, other string }{
		"FalseIsNotUnset": {
			reason: "An explicit false turns a default off.",
			one:    `{spec: {containers: []}}`,
			other:  `{spec: {containers: [], automountServiceAccountToken: false}}`,
		},
		"ZeroIsNotUnset": {
			reason: "User 0 is root; no user is the image's.",
			one:    `{spec: {containers: [], securityContext: {}}}`,
			other:  `{spec: {containers: [], securityContext: {runAsUser: 0}}}`,
		},
		"EmptySelectorIsNotNone": {
			reason: "An empty namespace selector means all namespaces, a missing one the pod's own.",
			one:    `{spec: {containers: [], affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: h}]}}}}`,
			other:  `{spec: {containers: [], affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: h, namespaceSelector: {}}]}}}}`,
		},
		"OrderOfLists": {
			reason: "Arguments have an order.",
			one:    `{spec: {containers: [{name: a, args: [x, "y"]}]}}`,
			other:  `{spec: {containers: [{name: a, args: ["y", x]}]}}`,
		},
		"AnnotationThatLooksLikeAQuantity": {
			reason: "Only the fields that are quantities are compared by value.",
			one:    `{metadata: {annotations: {divisor: "0.5", limits: "1"}}, spec: {containers: []}}`,
			other:  `{metadata: {annotations: {divisor: 500m, limits: "1"}}, spec: {containers: []}}`,
		},
		"Label": {
			reason: "Labels are part of the template and roll the pods.",
			one:    `{metadata: {labels: {a: b}}, spec: {containers: []}}`,
			other:  `{metadata: {labels: {a: c}}, spec: {containers: []}}`,
		},
		"EnvironmentOfZero": {
			reason: "An empty environment entry still counts as one.",
			one:    `{spec: {containers: [{name: a, env: [{name: X}]}]}}`,
			other:  `{spec: {containers: [{name: a, env: [{name: X}, {name: "Y"}]}]}}`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if one, other := revision(t, parse(t, tc.one)), revision(t, parse(t, tc.other)); one == other {
				t.Errorf("both are %s; %s", one, tc.reason)
			}
		})
	}
}

func TestFieldsOfALaterAPIChangeNothing(t *testing.T) {
	encoded, err := json.Marshal(parse(t, `{metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: i}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	now, err := canonicalJSON(encoded)
	if err != nil {
		t.Fatal(err)
	}
	grown := strings.NewReplacer(
		`"spec":{`, `"spec":{"newPointer":null,"newList":[],"newObject":{"deep":{"deeper":null}},`,
		`"image":`, `"newStruct":{},"image":`,
	).Replace(string(encoded))
	later, err := canonicalJSON([]byte(grown))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(now, later); diff != "" {
		t.Errorf("unset fields of a later API show (-now +later):\n%s", diff)
	}
}

func TestRecordedTellsOursFromFlaggers(t *testing.T) {
	for stored, want := range map[string]bool{"h1:0123456789abcdef": true, "5bf8674895": false, "": false} {
		if got := Recorded(stored); got != want {
			t.Errorf("Recorded(%q) = %t, want %t", stored, got, want)
		}
	}
}

// TestRevisionsSurviveReencoding plays what clients and the API server do to a template that nobody changed: JSON,
// YAML, protocol buffers and copies in memory.
func TestRevisionsSurviveReencoding(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	seen := map[string]int{}
	for i := range 300 {
		template := randomTemplate(rnd)
		before := template.DeepCopy()
		want := revision(t, template)
		if !strings.HasPrefix(want, "h1:") || len(want) != len("h1:")+16 {
			t.Fatalf("revision %q is not h1: and 16 hex digits", want)
		}
		if diff := cmp.Diff(before, template); diff != "" {
			t.Fatalf("computing a revision changed the template:\n%s", diff)
		}
		for name, copied := range reencodings(t, template) {
			if got := revision(t, copied); got != want {
				t.Fatalf("template %d through %s is %s, before it was %s", i, name, got, want)
			}
		}
		if other, found := seen[want]; found {
			t.Fatalf("templates %d and %d have one revision", i, other)
		}
		seen[want] = i
	}
}

func reencodings(t *testing.T, template *corev1.PodTemplateSpec) map[string]*corev1.PodTemplateSpec {
	t.Helper()
	copies := map[string]*corev1.PodTemplateSpec{"Copy": template.DeepCopy(), "JSON": {}, "YAML": {}, "Protobuf": {}}
	fromJSON, err := json.Marshal(template)
	if err == nil {
		err = json.Unmarshal(fromJSON, copies["JSON"])
	}
	if err != nil {
		t.Fatal(err)
	}
	fromYAML, err := yaml.Marshal(template)
	if err == nil {
		err = yaml.Unmarshal(fromYAML, copies["YAML"])
	}
	if err != nil {
		t.Fatal(err)
	}
	fromProto, err := template.Marshal()
	if err == nil {
		err = copies["Protobuf"].Unmarshal(fromProto)
	}
	if err != nil {
		t.Fatal(err)
	}
	return copies
}

func randomTemplate(rnd *rand.Rand) *corev1.PodTemplateSpec {
	word := func(prefix string) string { return fmt.Sprintf("%s-%x", prefix, rnd.Uint64()) }
	words := func() map[string]string {
		switch rnd.IntN(3) {
		case 0:
			return nil
		case 1:
			return map[string]string{}
		}
		return map[string]string{word("key"): word("value"), "limits": "1.0"}
	}
	quantity := func() resource.Quantity {
		units := []string{"", "m", "k", "Ki", "Mi", "Gi", "e3"}
		return resource.MustParse(fmt.Sprintf("%d%s", rnd.IntN(100000), units[rnd.IntN(len(units))]))
	}
	container := func() corev1.Container {
		return corev1.Container{
			Name: word("c"), Image: word("image"), Args: []string{word("<&>"), ""},
			Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{"cpu": quantity(), "memory": quantity()}},
			ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{
				HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromInt32(rnd.Int32N(9999)), Path: word("/")},
			}},
		}
	}
	yes := rnd.IntN(2) == 0
	size := quantity()
	return &corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: words(), Annotations: words()},
		Spec: corev1.PodSpec{
			NodeSelector: words(), HostUsers: &yes,
			InitContainers: []corev1.Container{container()}, Containers: []corev1.Container{container(), container()},
			Volumes: []corev1.Volume{{Name: word("v"), VolumeSource: corev1.VolumeSource{
				EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &size},
			}}},
		},
	}
}

func TestQuantitiesByValue(t *testing.T) {
	for _, spellings := range [][]string{
		{"0", "0.0", "0m", "0Ki"},
		{"1", "1.000", "1000m", "1e0", "1000000u"},
		{"0.5", "500m", ".5", "5e-1", "0.50"},
		{"1Gi", "1024Mi", "1048576Ki", "1073741824"},
		{"1.5Gi", "1536Mi"},
		{"2k", "2e3", "2000", "2E3"},
		{"3Ei", "3072Pi", "3458764513820540928"},
	} {
		for _, spelling := range spellings {
			if got, want := byValue(spelling), byValue(spellings[0]); got != want {
				t.Errorf("%s is spelt %s and %s %s; they are one value", spelling, got, spellings[0], want)
			}
		}
	}
	if got := byValue("a lot"); got != "a lot" {
		t.Errorf("what is no quantity became %q", got)
	}
}
