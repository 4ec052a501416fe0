package configs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// trackingAnnotation is the user's word on a config; a value that begins with optOut leaves the config shared.
	trackingAnnotation = "flagger.app/config-tracking"
	optOut             = "disable"
)

// sumBytes of the digest are kept: 64 bits, as in the values that Flagger stored.
const sumBytes = 8

// trackedTypes are the Secrets that hold a user's own configuration. Others, such as a service account's token, belong
// to a controller that would not know the copy.
var trackedTypes = []corev1.SecretType{
	corev1.SecretTypeOpaque, corev1.SecretTypeBasicAuth, corev1.SecretTypeSSHAuth, corev1.SecretTypeTLS,
}

// hasOptedOut tells whether the user wants the config shared by target and primary.
func hasOptedOut(object client.Object) bool {
	return strings.HasPrefix(object.GetAnnotations()[trackingAnnotation], optOut)
}

// isTracked tells whether the config counts and is copied.
func isTracked(object client.Object) bool {
	secret, isSecret := object.(*corev1.Secret)
	return !hasOptedOut(object) && (!isSecret || slices.Contains(trackedTypes, secret.Type))
}

// isImmutable tells whether the API server refuses any change of the content.
func isImmutable(object client.Object) bool {
	var immutable *bool
	switch o := object.(type) {
	case *corev1.ConfigMap:
		immutable = o.Immutable
	case *corev1.Secret:
		immutable = o.Immutable
	}
	return immutable != nil && *immutable
}

// content is the part of a config that counts and is copied.
type content struct {
	// class is a Secret's type, which the API server never leaves empty; it is empty for a ConfigMap.
	class corev1.SecretType
	// text is a ConfigMap's data.
	text map[string]string
	// binary is a ConfigMap's binaryData, or a Secret's data.
	binary map[string][]byte
}

// contentOf is the content of a ConfigMap or a Secret.
func contentOf(object client.Object) content {
	switch o := object.(type) {
	case *corev1.ConfigMap:
		return content{text: o.Data, binary: o.BinaryData}
	case *corev1.Secret:
		return content{class: o.Type, binary: o.Data}
	}
	return content{}
}

// putInto makes c the content of a ConfigMap or a Secret, which shares the maps with c.
func (c content) putInto(object client.Object) {
	switch o := object.(type) {
	case *corev1.ConfigMap:
		o.Data, o.BinaryData = c.text, c.binary
	case *corev1.Secret:
		o.Type, o.Data = c.class, c.binary
	}
}

func (c content) equal(other content) bool {
	return c.class == other.class && maps.Equal(c.text, other.text) && maps.EqualFunc(c.binary, other.binary, bytes.Equal)
}

// sum is the checksum of c, 16 hex digits. A ConfigMap with binaryData has two joined by "+", of which the first is all
// that Flagger looked at: without binaryData the value is Flagger's own.
func (c content) sum() string {
	if c.class != "" {
		return digest(c.binary)
	}
	if len(c.binary) == 0 {
		return digest(c.text)
	}
	return digest(c.text) + "+" + digest(c.binary)
}

// digest is the beginning of the SHA-256 over the JSON of the map, whose keys are sorted; bytes count as base64. Empty
// and nil are the same, as they are to the API server.
func digest[V string | []byte](data map[string]V) string {
	if len(data) == 0 {
		data = nil
	}
	encoded, err := json.Marshal(data)
	if err != nil {
		panic(err) // no map of strings or bytes is beyond JSON
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:sumBytes])
}
