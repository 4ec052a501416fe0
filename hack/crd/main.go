// Command crd completes the CRDs that controller-gen has written, in place.
//
// Usage: go run ./hack/crd DIR
//
// Markers describe a Go type, so they cannot say what holds for a type in one place alone (the kind of a target, the
// kind of an Ingress), and structural alternatives (oneOf) have no marker at all. The amendments table says both, by
// path. A path that does not exist is an error: a renamed field must not lose its validation silently.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

const header = "# Generated from api/ by make generate. Do not edit.\n---\n"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "crd:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return errors.New("want one argument, the folder of the CRDs")
	}
	for name, list := range amendments {
		if err := complete(filepath.Join(args[0], name), list); err != nil {
			return fmt.Errorf("complete %s: %w", name, err)
		}
	}
	return nil
}

// complete applies list to the CRD in file.
func complete(file string, list []amendment) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(raw, &crd); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	for i := range crd.Spec.Versions {
		if err := amend(crd.Spec.Versions[i].Schema.OpenAPIV3Schema, list); err != nil {
			return err
		}
	}
	out, err := encode(crd)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	return os.WriteFile(file, out, 0o644)
}

// encode writes a CRD without the fields that belong to the API server.
func encode(crd apiextensionsv1.CustomResourceDefinition) ([]byte, error) {
	raw, err := json.Marshal(crd)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	delete(fields, "status")
	if meta, ok := fields["metadata"].(map[string]any); ok {
		delete(meta, "creationTimestamp")
	}
	out, err := yaml.Marshal(fields)
	return append([]byte(header), out...), err
}
