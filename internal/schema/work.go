package schema

import (
	"github.com/santhosh-tekuri/jsonschema/v5"
)

// What a payload may cost. A step is what the library does in about a microsecond, such as
// to apply a schema without keywords to a value. It takes about ten times as long if the
// value is invalid.
const (
	baseSteps     = 100_000
	stepsPerValue = 4
)

// affordable reports whether the library checks the payload in a bounded number of
// steps. The number depends on the payload, too: a schema that applies to the members of
// a value twice, and refers to itself there, applies 2^n times at a depth of n.
func (c *costs) affordable(document *jsonschema.Schema, payload map[string]any) bool {
	m := meter{costs: c, left: baseSteps + stepsPerValue*nodes(payload)}
	return m.apply(document, payload, 0)
}

// meter follows the library through a schema and a payload, and counts its steps. Every
// method reports whether steps are left.
type meter struct {
	*costs
	left int
}

func (m *meter) take(steps int) bool {
	m.left -= steps
	return m.left >= 0
}

// apply counts the steps to apply a schema to a value, at a depth of both together.
func (m *meter) apply(s *jsonschema.Schema, value any, depth int) bool {
	if !m.take(1 + depth/16) {
		return false
	}
	if s.Always != nil || mismatch(s.Types, value) {
		return true
	}
	if !m.own(s, value) {
		return false
	}
	for _, part := range []*jsonschema.Schema{s.Ref, s.RecursiveRef, s.DynamicRef, s.Not, s.If, s.Then, s.Else} {
		if part != nil && !m.apply(part, value, depth+1) {
			return false
		}
	}
	if !m.applyAll(s.AllOf, value, depth) || !m.applyAll(s.AnyOf, value, depth) || !m.applyAll(s.OneOf, value, depth) {
		return false
	}
	switch value := value.(type) {
	case map[string]any:
		return m.object(s, value, depth+1)
	case []any:
		return m.array(s, value, depth+1)
	default:
		return true
	}
}

func (m *meter) applyAll(parts []*jsonschema.Schema, value any, depth int) bool {
	for _, part := range parts {
		if !m.apply(part, value, depth+1) {
			return false
		}
	}
	return true
}

// mismatch reports whether the library stops at the type of a value. It need not find
// all such values.
func mismatch(types []string, value any) bool {
	if len(types) == 0 {
		return false
	}
	var name string
	switch value.(type) {
	case map[string]any:
		name = "object"
	case []any:
		name = "array"
	case string:
		name = "string"
	default:
		return false
	}
	for _, t := range types {
		if t == name {
			return false
		}
	}
	return true
}

// own counts the steps of the keywords that have no schemas.
func (m *meter) own(s *jsonschema.Schema, value any) bool {
	steps := 0
	switch value := value.(type) {
	case string:
		steps = m.enums[s] / 64
		if s.Pattern != nil {
			steps += len(value) * m.patterns[s.Pattern] / 128
		}
		if s.Format == "regex" {
			steps += 16 * len(value) // to compile it
		}
	case map[string]any:
		steps = m.enums[s]/4 + (2*len(value)+len(s.Properties)+len(s.Required))/16
		for pattern := range s.PatternProperties {
			for name := range value {
				steps += 1 + len(name)*m.patterns[pattern]/128
			}
		}
	case []any:
		steps = m.enums[s]/4 + len(value)/8
		if s.UniqueItems {
			steps += uniqueSteps(value)
		}
	default:
		steps = m.enums[s] / 4 // numbers are compared as fractions
	}
	return m.take(steps)
}

// uniqueSteps returns the steps to find equal elements. The library compares each pair of
// a short list. It sorts a long list by a hash, which a hostile payload can make equal for
// different arrays and objects.
func uniqueSteps(list []any) int {
	if len(list) <= 20 {
		return nodes(list) * len(list) / 4
	}
	steps := nodes(list)
	for _, element := range list {
		switch element.(type) {
		case map[string]any, []any:
			return steps + len(list)*len(list)/256
		}
	}
	return steps
}

// object counts the steps of the schemas for an object and its members.
func (m *meter) object(s *jsonschema.Schema, object map[string]any, depth int) bool {
	for name, part := range s.DependentSchemas {
		if _, ok := object[name]; ok && !m.apply(part, object, depth) {
			return false
		}
	}
	for name, part := range s.Dependencies {
		if part, isSchema := part.(*jsonschema.Schema); isSchema {
			if _, ok := object[name]; ok && !m.apply(part, object, depth) {
				return false
			}
		}
	}
	rest, _ := s.AdditionalProperties.(*jsonschema.Schema)
	for name, value := range object {
		named := s.Properties[name]
		if s.PropertyNames != nil && !m.apply(s.PropertyNames, name, depth) ||
			named != nil && !m.apply(named, value, depth) ||
			named == nil && rest != nil && !m.apply(rest, value, depth) ||
			s.UnevaluatedProperties != nil && !m.apply(s.UnevaluatedProperties, value, depth) {
			return false
		}
		for pattern, part := range s.PatternProperties {
			if pattern.MatchString(name) && !m.apply(part, value, depth) {
				return false
			}
		}
	}
	return true
}

// array counts the steps of the schemas for the elements of an array.
func (m *meter) array(s *jsonschema.Schema, array []any, depth int) bool {
	each, _ := s.Items.(*jsonschema.Schema)
	first, _ := s.Items.([]*jsonschema.Schema)
	others, _ := s.AdditionalItems.(*jsonschema.Schema)
	for i, value := range array {
		var parts [5]*jsonschema.Schema
		parts[0], parts[1], parts[2] = each, s.Contains, s.UnevaluatedItems
		if i < len(first) {
			parts[3] = first[i]
		} else if first != nil {
			parts[3] = others
		}
		if parts[4] = s.Items2020; i < len(s.PrefixItems) {
			parts[4] = s.PrefixItems[i]
		}
		for _, part := range parts {
			if part != nil && !m.apply(part, value, depth) {
				return false
			}
		}
	}
	return true
}
