package configs

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestSum(t *testing.T) {
	const nothing, red = "74234e98afe7498f", "241889ca0604e333"
	for name, test := range map[string]struct {
		reason string
		config client.Object
		want   string
	}{
		"NilConfigMap":   {reason: "Flagger's value for nil data.", config: &corev1.ConfigMap{}, want: nothing},
		"EmptyConfigMap": {reason: "The API server does not tell empty from nil.", config: configMap("a", map[string]string{}), want: nothing},
		"ConfigMap":      {reason: "Flagger's value for text.", config: configMap("a", map[string]string{"color": "red"}), want: red},
		"Secret": {
			reason: "Flagger's value for base64.",
			config: secret("a", corev1.SecretTypeOpaque, map[string]string{"apiKey": "test"}), want: "3930f0692c2295eb",
		},
		"EmptySecret": {reason: "A Secret without data counts like a ConfigMap without.", config: secret("a", corev1.SecretTypeTLS, nil), want: nothing},
		"SecretType": {
			reason: "The type is no data.",
			config: secret("a", corev1.SecretTypeBasicAuth, map[string]string{"apiKey": "test"}), want: "3930f0692c2295eb",
		},
		"BinaryData": {
			reason: "Flagger's value comes first, so that it can be told what it would have been.",
			config: &corev1.ConfigMap{Data: map[string]string{"color": "red"}, BinaryData: map[string][]byte{"apiKey": []byte("test")}},
			want:   red + "+3930f0692c2295eb",
		},
		"BinaryDataAlone": {
			reason: "What Flagger saw of it is no data.",
			config: &corev1.ConfigMap{BinaryData: map[string][]byte{"apiKey": []byte("test")}},
			want:   nothing + "+3930f0692c2295eb",
		},
		"EmptyBinaryData": {
			reason: "A ConfigMap without binaryData keeps Flagger's value.",
			config: &corev1.ConfigMap{Data: map[string]string{"color": "red"}, BinaryData: map[string][]byte{}},
			want:   red,
		},
		"HTML": {
			reason: "Flagger's JSON escapes what HTML would take for markup.",
			config: configMap("a", map[string]string{"a": "<&>", "b": "\u2028"}), want: "55f2f9e6fe579650",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := contentOf(test.config).sum(); got != test.want {
				t.Errorf("%s got %s, want %s", test.reason, got, test.want)
			}
		})
	}
}

func TestIsTracked(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		config client.Object
		want   bool
	}{
		"ConfigMap":  {reason: "Configs are tracked unless somebody objects.", config: configMap("a", nil), want: true},
		"Disabled":   {reason: "The user objects.", config: annotated(configMap("a", nil), "disabled")},
		"Disable":    {reason: "A prefix will do.", config: annotated(configMap("a", nil), "disable")},
		"Enabled":    {reason: "Another value is no objection.", config: annotated(configMap("a", nil), "enabled"), want: true},
		"NoPrefix":   {reason: "The word counts at the beginning only.", config: annotated(configMap("a", nil), "not disabled"), want: true},
		"Opaque":     {reason: "The user's own.", config: secret("a", corev1.SecretTypeOpaque, nil), want: true},
		"BasicAuth":  {reason: "The user's own.", config: secret("a", corev1.SecretTypeBasicAuth, nil), want: true},
		"SSHAuth":    {reason: "The user's own.", config: secret("a", corev1.SecretTypeSSHAuth, nil), want: true},
		"TLS":        {reason: "The user's own.", config: secret("a", corev1.SecretTypeTLS, nil), want: true},
		"MyTLS":      {reason: "Secrets can object, too.", config: annotated(secret("a", corev1.SecretTypeTLS, nil), "disabled")},
		"Token":      {reason: "A controller's.", config: secret("a", corev1.SecretTypeServiceAccountToken, nil)},
		"Registry":   {reason: "The kubelet's.", config: secret("a", corev1.SecretTypeDockerConfigJson, nil)},
		"CustomType": {reason: "Somebody's whom we do not know.", config: secret("a", "example.com/lease", nil)},
	} {
		t.Run(name, func(t *testing.T) {
			if got := isTracked(test.config); got != test.want {
				t.Errorf("%s got %t", test.reason, got)
			}
		})
	}
}
