package workload

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// revisionPrefix names the algorithm, so that values recorded by Flagger or by a later algorithm are told apart.
const revisionPrefix = "h1:"

// revisionBytes of the digest are kept: 64 bits, where a canary ever compares a handful of values.
const revisionBytes = 8

// Recorded says whether a stored revision is one of Revision's, so that the two may be compared.
func Recorded(stored string) bool { return strings.HasPrefix(stored, revisionPrefix) }

// Revision identifies a pod template as "h1:" and 16 hex digits. Templates that mean the same have the same revision,
// whatever they were decoded from; it fails only where the template cannot be encoded as JSON.
//
// It is the beginning of the SHA-256 over JSON in the spirit of RFC 8785 (JSON Canonicalization Scheme): keys sorted,
// no white space. Null, empty lists and empty objects are left out, and quantities are rewritten by value.
func Revision(template *corev1.PodTemplateSpec) (string, error) {
	tree, err := canonical(template)
	if err != nil {
		return "", fmt.Errorf("compute revision: %w", err)
	}
	encoded, err := json.Marshal(tree)
	if err != nil {
		return "", fmt.Errorf("compute revision: %w", err)
	}
	sum := sha256.Sum256(encoded)
	return revisionPrefix + hex.EncodeToString(sum[:revisionBytes]), nil
}

// canonical is the template as maps, slices and scalars, in the one form that all its spellings share.
func canonical(template *corev1.PodTemplateSpec) (any, error) {
	encoded, err := json.Marshal(template)
	if err != nil {
		return nil, err
	}
	return canonicalJSON(encoded)
}

func canonicalJSON(encoded []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return nil, err
	}
	return settle("", tree), nil
}

// speaking are the fields where an empty object says something else than none: an empty selector matches everything,
// a missing one nothing. Every decoder keeps these apart, because they are pointers.
var speaking = map[string]bool{"labelSelector": true, "namespaceSelector": true, "selector": true}

// quantities names, by the object that holds them, the members that are quantities; "*" is all of them. The keys and
// values that a user may choose freely are never objects, so a label named "limits" is not mistaken for one.
var quantities = map[string]string{
	"limits":           "*",
	"requests":         "*",
	"overhead":         "*",
	"emptyDir":         "sizeLimit",
	"resourceFieldRef": "divisor",
}

// settle brings the value found under name into its canonical form.
func settle(name string, value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, member := range value {
			member = settle(key, member)
			if text, ok := member.(string); ok && holdsQuantity(name, key) {
				member = byValue(text)
			}
			if isEmpty(member) && (member == nil || !speaking[key]) {
				delete(value, key)
				continue
			}
			value[key] = member
		}
	case []any:
		for i, element := range value {
			value[i] = settle("", element)
		}
	}
	return value
}

func isEmpty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case map[string]any:
		return len(value) == 0
	case []any:
		return len(value) == 0
	}
	return false
}

func holdsQuantity(object, member string) bool {
	names := quantities[object]
	return names == "*" || names != "" && names == member
}

// byValue spells a quantity by its value alone: 1Gi, 1024Mi and 1073741824 become one. What is no quantity stays.
func byValue(text string) string {
	quantity, err := resource.ParseQuantity(text)
	if err != nil {
		return text
	}
	return resource.NewDecimalQuantity(*quantity.AsDec(), resource.DecimalExponent).String()
}
