package compat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/util/yaml"

	"flagger.app/flagger/internal/testkit"
)

const crdDir = "config/crd/bases"

type (
	crd    = apiextensionsv1.CustomResourceDefinition
	schema = apiextensionsv1.JSONSchemaProps
)

// ourCRDs reads the generated CRDs, by name.
func ourCRDs(t *testing.T) map[string]crd {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testkit.Root(), crdDir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("find CRDs in %s: %v", crdDir, err)
	}
	found := map[string]crd{}
	for _, file := range files {
		maps.Copy(found, readCRDs(t, file))
	}
	return found
}

// readCRDs reads every CRD in a file of one or more documents, by name.
func readCRDs(t *testing.T, file string) map[string]crd {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]crd{}
	docs := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(raw), 4096)
	for {
		var c crd
		err := docs.Decode(&c)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("decode %s: %v", file, err)
		}
		if c.Name != "" {
			found[c.Name] = c
		}
	}
}

// flatten maps every path below s to its schema: "a.b" is a property, "a[]" the items of a list, "a{}" the values of
// a map. What the API server itself fills in (apiVersion, kind, metadata) is left out.
func flatten(c crd) map[string]schema {
	flat := map[string]schema{}
	root := *c.Spec.Versions[0].Schema.OpenAPIV3Schema
	for _, name := range slices.Sorted(maps.Keys(root.Properties)) {
		if name != "apiVersion" && name != "kind" && name != "metadata" {
			walk(flat, name, root.Properties[name])
		}
	}
	return flat
}

func walk(flat map[string]schema, path string, s schema) {
	flat[path] = s
	for name, property := range s.Properties {
		walk(flat, path+"."+name, property)
	}
	if s.Items != nil && s.Items.Schema != nil {
		walk(flat, path+"[]", *s.Items.Schema)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		walk(flat, path+"{}", *s.AdditionalProperties.Schema)
	}
}

// describe writes a CRD as text, one line per fact and one per path.
func describe(c crd) string {
	var b strings.Builder
	names, version := c.Spec.Names, c.Spec.Versions[0]
	fmt.Fprintf(&b, "group %s, version %s, scope %s\n", c.Spec.Group, version.Name, c.Spec.Scope)
	fmt.Fprintf(&b, "kind %s, listKind %s, plural %s, singular %s, shortNames %v, categories %v\n",
		names.Kind, names.ListKind, names.Plural, names.Singular, names.ShortNames, names.Categories)
	fmt.Fprintf(&b, "served %t, storage %t, status subresource %t, resource policy %s\n\n", version.Served,
		version.Storage, version.Subresources != nil && version.Subresources.Status != nil,
		c.Annotations["helm.sh/resource-policy"])
	for _, column := range version.AdditionalPrinterColumns {
		fmt.Fprintf(&b, "column %s, %s, %s, priority %d\n", column.Name, column.Type, column.JSONPath, column.Priority)
	}
	b.WriteString("\n")
	flat := flatten(c)
	for _, path := range slices.Sorted(maps.Keys(flat)) {
		fmt.Fprintf(&b, "%s: %s\n", path, strings.Join(facts(flat[path]), ", "))
	}
	return b.String()
}

// facts are the type of a schema and everything that validates, as "keyword value".
func facts(s schema) []string {
	list := []string{typeOf(s)}
	for _, keyword := range slices.Sorted(maps.Keys(constraints(s))) {
		list = append(list, keyword+" "+constraints(s)[keyword])
	}
	for _, rule := range s.XValidations {
		list = append(list, fmt.Sprintf("rule %q says %q", rule.Rule, rule.Message))
	}
	return list
}

func typeOf(s schema) string {
	if s.XIntOrString {
		return "int-or-string"
	}
	return s.Type
}

// constraints are the keywords of a schema that limit its values, rules in CEL aside.
func constraints(s schema) map[string]string {
	found := map[string]string{}
	set := func(keyword, value string) {
		if value != "" {
			found[keyword] = value
		}
	}
	set("default", rawString(s.Default))
	set("enum", enumString(s.Enum))
	set("format", s.Format)
	set("pattern", s.Pattern)
	set("minimum", number(s.Minimum))
	set("maximum", number(s.Maximum))
	set("minLength", number(s.MinLength))
	set("maxLength", number(s.MaxLength))
	set("minItems", number(s.MinItems))
	set("maxItems", number(s.MaxItems))
	if s.Type == "object" { // on a list, where the published schema has it once, it means nothing
		set("required", strings.Join(slices.Sorted(slices.Values(s.Required)), " "))
	}
	if !s.XIntOrString {
		set("oneOf", alternatives(s.OneOf))
		set("anyOf", alternatives(s.AnyOf))
	}
	return found
}

func rawString(value *apiextensionsv1.JSON) string {
	if value == nil {
		return ""
	}
	return string(value.Raw)
}

func enumString(values []apiextensionsv1.JSON) string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = string(v.Raw)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func number[N int64 | float64](n *N) string {
	if n == nil {
		return ""
	}
	return strconv.FormatFloat(float64(*n), 'g', -1, 64)
}

// alternatives writes the branches of oneOf or anyOf in an order of their own, since theirs means nothing.
func alternatives(branches []schema) string {
	list := make([]string, len(branches))
	for i, branch := range branches {
		raw, err := json.Marshal(branch)
		if err != nil {
			panic(err) // it was JSON before
		}
		list[i] = string(raw)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}
