package configs

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

func volume(source corev1.VolumeSource) *corev1.PodTemplateSpec {
	return &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Volumes: []corev1.Volume{{VolumeSource: source}}}}
}

func configMapVolume(name string, optional *bool) corev1.Volume {
	return corev1.Volume{VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: name}, Optional: optional,
	}}}
}

func TestReferences(t *testing.T) {
	for name, test := range map[string]struct {
		reason   string
		template *corev1.PodTemplateSpec
		want     []Reference
	}{
		"Nothing": {
			reason:   "A template that refers to nothing has no references.",
			template: &corev1.PodTemplateSpec{},
		},
		"Sorted": {
			reason:   "The order does not depend on the places.",
			template: templateOf(Reference{Kind: Secret, Name: "a"}, Reference{Kind: ConfigMap, Name: "b"}, Reference{Kind: ConfigMap, Name: "a"}),
			want:     []Reference{{Kind: ConfigMap, Name: "a"}, {Kind: ConfigMap, Name: "b"}, {Kind: Secret, Name: "a"}},
		},
		"MandatoryFirst": {
			reason: "A later optional mention does not make a config optional.",
			template: templateOf(Reference{Kind: ConfigMap, Name: "a"}, Reference{Kind: ConfigMap, Name: "a", Optional: true},
				Reference{Kind: ConfigMap, Name: "a", Optional: true}),
			want: []Reference{{Kind: ConfigMap, Name: "a"}},
		},
		"MandatoryLast": {
			reason: "A later mandatory mention makes a config mandatory.",
			template: templateOf(Reference{Kind: Secret, Name: "a", Optional: true}, Reference{Kind: Secret, Name: "a", Optional: true},
				Reference{Kind: Secret, Name: "a"}),
			want: []Reference{{Kind: Secret, Name: "a"}},
		},
		"Optional": {
			reason:   "A config that is optional everywhere is optional.",
			template: templateOf(Reference{Kind: Secret, Name: "a", Optional: true}, Reference{Kind: Secret, Name: "a", Optional: true}),
			want:     []Reference{{Kind: Secret, Name: "a", Optional: true}},
		},
		"OptionalIsUnset": {
			reason:   "Without a word on it a mention is mandatory, in whichever place.",
			template: &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Volumes: []corev1.Volume{configMapVolume("a", new(true)), configMapVolume("a", nil)}}},
			want:     []Reference{{Kind: ConfigMap, Name: "a"}},
		},
		"OneNameTwoKinds": {
			reason:   "A ConfigMap and a Secret of one name are two configs.",
			template: templateOf(Reference{Kind: Secret, Name: "a"}, Reference{Kind: ConfigMap, Name: "a", Optional: true}),
			want:     []Reference{{Kind: ConfigMap, Name: "a", Optional: true}, {Kind: Secret, Name: "a"}},
		},
		"NoName": {
			reason:   "The API server takes an empty name for a volume; it names nothing.",
			template: volume(corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{}, Secret: &corev1.SecretVolumeSource{}}),
		},
		"NotForThePods": {
			reason: "What the kubelet or a driver reads is not the application's configuration.",
			template: &corev1.PodTemplateSpec{Spec: corev1.PodSpec{
				ImagePullSecrets: []corev1.LocalObjectReference{{Name: "registry"}},
				Volumes: []corev1.Volume{{VolumeSource: corev1.VolumeSource{
					CSI: &corev1.CSIVolumeSource{NodePublishSecretRef: &corev1.LocalObjectReference{Name: "driver"}},
				}}},
			}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, References(test.template), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
		})
	}
}

// sources are all types by which a pod's specification lets the application read a config, with the kind and the name's
// field of each.
var sources = map[reflect.Type]struct {
	kind Kind
	name string
}{
	reflect.TypeFor[corev1.ConfigMapKeySelector]():  {ConfigMap, "Name"},
	reflect.TypeFor[corev1.ConfigMapEnvSource]():    {ConfigMap, "Name"},
	reflect.TypeFor[corev1.ConfigMapVolumeSource](): {ConfigMap, "Name"},
	reflect.TypeFor[corev1.ConfigMapProjection]():   {ConfigMap, "Name"},
	reflect.TypeFor[corev1.SecretKeySelector]():     {Secret, "Name"},
	reflect.TypeFor[corev1.SecretEnvSource]():       {Secret, "Name"},
	reflect.TypeFor[corev1.SecretVolumeSource]():    {Secret, "SecretName"},
	reflect.TypeFor[corev1.SecretProjection]():      {Secret, "Name"},
}

// populate fills a value with everything that its type can hold, two elements in every list, and returns the configs
// that it names, each by a name of its own.
func populate(v reflect.Value) []string {
	var named []string
	populateInto(v, &named)
	return named
}

func populateInto(v reflect.Value, named *[]string) {
	if source, found := sources[v.Type()]; found {
		name := fmt.Sprint("config-", len(*named))
		v.FieldByName(source.name).SetString(name)
		*named = append(*named, Key(source.kind, name))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		populateInto(v.Elem(), named)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			populateInto(v.Index(i), named)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				populateInto(v.Field(i), named)
			}
		}
	default: // maps and scalars of a pod name no config
	}
}

// Every place in which a pod may refer to a config is known, whatever places the next k8s.io/api adds.
func TestReferencesMissNothing(t *testing.T) {
	template := &corev1.PodTemplateSpec{}
	named := populate(reflect.ValueOf(template).Elem())
	if len(named) < 50 {
		t.Fatalf("a full pod names but %d configs", len(named))
	}
	found := referenceKeys(&appsv1.Deployment{Spec: appsv1.DeploymentSpec{Template: *template}})
	slices.Sort(named)
	slices.Sort(found)
	if diff := cmp.Diff(named, found); diff != "" {
		t.Errorf("references (-want +got):\n%s", diff)
	}
}
