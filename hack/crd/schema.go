package main

import (
	"fmt"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

type schema = apiextensionsv1.JSONSchemaProps

// amendment changes the schemas at some paths. A path is a list of property names joined by dots; "[]" after a name
// steps into the items of a list, "{}" into the values of a map.
type amendment struct {
	paths []string
	apply func(*schema) error
}

// amend applies every amendment to the schema below root.
func amend(root *schema, list []amendment) error {
	for _, a := range list {
		for _, path := range a.paths {
			if err := edit(root, steps(path), a.apply); err != nil {
				return fmt.Errorf("amend %s: %w", path, err)
			}
		}
	}
	return nil
}

// steps splits "a.b[].c" into a, b, [], c.
func steps(path string) []string {
	path = strings.NewReplacer("[]", ".[]", "{}", ".{}").Replace(path)
	return strings.Split(path, ".")
}

// edit walks down from s and applies change at the end of path. Property schemas are map values, so each is written
// back on the way up.
func edit(s *schema, path []string, change func(*schema) error) error {
	if len(path) == 0 {
		return change(s)
	}
	switch step, rest := path[0], path[1:]; step {
	case "[]":
		if s.Items == nil || s.Items.Schema == nil {
			return fmt.Errorf("no items")
		}
		return edit(s.Items.Schema, rest, change)
	case "{}":
		if s.AdditionalProperties == nil || s.AdditionalProperties.Schema == nil {
			return fmt.Errorf("no map values")
		}
		return edit(s.AdditionalProperties.Schema, rest, change)
	default:
		property, ok := s.Properties[step]
		if !ok {
			return fmt.Errorf("no property %s", step)
		}
		if err := edit(&property, rest, change); err != nil {
			return err
		}
		s.Properties[step] = property
		return nil
	}
}

// drop removes properties, so that the API server prunes them.
func drop(names ...string) func(*schema) error {
	return func(s *schema) error {
		for _, name := range names {
			if _, ok := s.Properties[name]; !ok {
				return fmt.Errorf("no property %s", name)
			}
			delete(s.Properties, name)
			s.Required = slices.DeleteFunc(s.Required, func(r string) bool { return r == name })
		}
		return nil
	}
}

// keep drops all properties but these.
func keep(names ...string) func(*schema) error {
	return func(s *schema) error {
		for _, name := range names {
			if _, ok := s.Properties[name]; !ok {
				return fmt.Errorf("no property %s", name)
			}
		}
		for name := range s.Properties {
			if !slices.Contains(names, name) {
				delete(s.Properties, name)
			}
		}
		return nil
	}
}

// require adds names to the required properties.
func require(names ...string) func(*schema) error {
	return func(s *schema) error {
		s.Required = append(s.Required, names...)
		slices.Sort(s.Required)
		s.Required = slices.Compact(s.Required)
		return nil
	}
}

// only limits a string to these values.
func only(values ...string) func(*schema) error {
	return func(s *schema) error {
		s.Enum = nil
		for _, v := range values {
			s.Enum = append(s.Enum, apiextensionsv1.JSON{Raw: fmt.Appendf(nil, "%q", v)})
		}
		return nil
	}
}

// matching limits a string to what the pattern finds.
func matching(pattern string) func(*schema) error {
	return func(s *schema) error {
		s.Pattern = pattern
		return nil
	}
}

// withoutDefault removes the default value.
func withoutDefault(s *schema) error {
	s.Default = nil
	return nil
}

// alternatives lets exactly one of the branches hold.
func alternatives(branches ...schema) func(*schema) error {
	return func(s *schema) error {
		s.OneOf = branches
		return nil
	}
}

// with is the branch in which these properties are set.
func with(names ...string) schema { return schema{Required: names} }

// eachOf is one branch per property.
func eachOf(names ...string) []schema {
	branches := make([]schema, len(names))
	for i, name := range names {
		branches[i] = with(name)
	}
	return branches
}

// noneOf is the branch in which no property is set.
func noneOf(names ...string) schema {
	return schema{Not: &schema{AnyOf: eachOf(names...)}}
}

// describe replaces the descriptions of a schema and of its properties: "" is the schema itself.
func describe(texts map[string]string) func(*schema) error {
	return func(s *schema) error {
		for name, text := range texts {
			if name == "" {
				s.Description = text
				continue
			}
			property, ok := s.Properties[name]
			if !ok {
				return fmt.Errorf("no property %s", name)
			}
			property.Description = text
			s.Properties[name] = property
		}
		for name := range s.Properties {
			if _, ok := texts[name]; !ok {
				return fmt.Errorf("property %s has no description", name)
			}
		}
		return nil
	}
}
