package schema

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

const (
	// maxInPlace bounds how many schemas a JSON Schema applies to one value. A schema
	// that refers twice to a schema that refers twice to a third one, and so on, doubles
	// that number with every line.
	maxInPlace = 10_000
	// maxPattern bounds the instructions of a compiled pattern. A pattern is matched in
	// a time that grows with its instructions and with the length of the text.
	maxPattern = 5_000
)

// costs contains what is known about the cost of a JSON Schema before there is a payload.
type costs struct {
	inPlace  map[*jsonschema.Schema]int // how many schemas apply to a value, counting the schema itself; 0 while counting
	patterns map[*regexp.Regexp]int     // instructions
	enums    map[*jsonschema.Schema]int // nodes of the values of enum and const
}

// costsOf returns the costs of a JSON Schema, and violations if it is too expensive for
// any payload. object is the decoded schema.
func costsOf(document *jsonschema.Schema, object map[string]any) (*costs, []Violation) {
	if path := dynamicAnchor("schema", object); path != "" {
		return nil, []Violation{{Path: path, Message: `cannot be used, because what it costs to check a payload would have no bound; use "$anchor" and "$ref"`}}
	}
	c := &costs{inPlace: map[*jsonschema.Schema]int{}, patterns: map[*regexp.Regexp]int{}, enums: map[*jsonschema.Schema]int{}}
	seen := map[*jsonschema.Schema]bool{document: true}
	for todo := []*jsonschema.Schema{document}; len(todo) > 0; {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if culprit := c.countInPlace(s); culprit != nil {
			return nil, []Violation{{Path: pathOf(culprit, object), Message: fmt.Sprintf(
				`applies more than %d schemas to one value, because schemas refer to schemas that refer to others; let "allOf", "anyOf", "oneOf" and "$ref" name each schema once`, maxInPlace)}}
		}
		if pattern := c.countOwn(s); pattern != "" {
			return nil, []Violation{{Path: pathOf(s, object), Message: fmt.Sprintf(
				"has the pattern %s, which is too expensive to match; repeat less in it, and use \"maxLength\" to bound a length", jsondoc.Quote(pattern))}}
		}
		for _, next := range append(inPlaceOf(s), childrenOf(s)...) {
			if !seen[next] {
				seen[next] = true
				todo = append(todo, next)
			}
		}
	}
	return c, nil
}

// countInPlace counts the schemas that s applies to a value. It returns the innermost
// schema for which that is too many, or nil.
func (c *costs) countInPlace(s *jsonschema.Schema) (culprit *jsonschema.Schema) {
	if _, counted := c.inPlace[s]; counted {
		return nil
	}
	c.inPlace[s] = 0
	n := 1
	for _, part := range inPlaceOf(s) {
		if culprit := c.countInPlace(part); culprit != nil {
			return culprit
		}
		if n += c.inPlace[part]; n > maxInPlace {
			return s
		}
	}
	c.inPlace[s] = n
	return nil
}

// countOwn records the costs of the keywords of s itself. It returns a pattern that is
// too expensive, or "".
func (c *costs) countOwn(s *jsonschema.Schema) (pattern string) {
	if n := nodes(s.Enum) + nodes(s.Constant); n > 2 {
		c.enums[s] = n
	}
	patterns := []*regexp.Regexp{s.Pattern}
	for p := range s.PatternProperties {
		patterns = append(patterns, p)
	}
	for _, p := range patterns {
		if p == nil {
			continue
		}
		if c.patterns[p] = instructions(p.String()); c.patterns[p] > maxPattern {
			return p.String()
		}
	}
	return ""
}

// instructions returns the length of the program of a pattern.
func instructions(pattern string) int {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return maxPattern + 1
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return maxPattern + 1
	}
	return len(program.Inst)
}

// nodes returns how many values a value consists of.
func nodes(value any) int {
	n := 1
	switch value := value.(type) {
	case map[string]any:
		for _, member := range value {
			n += nodes(member)
		}
	case []any:
		for _, element := range value {
			n += nodes(element)
		}
	}
	return n
}

// dynamicAnchor returns the path of an anchor that the place of a reference to it can
// redirect, or "". With such anchors the schemas that apply to a value depend on the
// payload.
func dynamicAnchor(path string, value any) string {
	switch value := value.(type) {
	case map[string]any:
		if _, ok := value["$dynamicAnchor"].(string); ok {
			return jsondoc.PathTo(path, "$dynamicAnchor")
		}
		if value["$recursiveAnchor"] == true {
			return jsondoc.PathTo(path, "$recursiveAnchor")
		}
		for key, member := range value {
			if found := dynamicAnchor(jsondoc.PathTo(path, key), member); found != "" {
				return found
			}
		}
	case []any:
		for i, element := range value {
			if found := dynamicAnchor(string(jsondoc.AppendIndex([]byte(path), i)), element); found != "" {
				return found
			}
		}
	}
	return ""
}

// pathOf returns the path of a schema in the document.
func pathOf(s *jsonschema.Schema, object map[string]any) string {
	_, pointer, _ := strings.Cut(s.Location, "#")
	return failure{segments: pointerSegments(pointer)}.path("schema", object)
}

// inPlaceOf returns the schemas that s applies to the same value.
func inPlaceOf(s *jsonschema.Schema) (parts []*jsonschema.Schema) {
	for _, part := range []*jsonschema.Schema{s.Ref, s.RecursiveRef, s.DynamicRef, s.Not, s.If, s.Then, s.Else} {
		parts = appendSchema(parts, part)
	}
	parts = append(parts, s.AllOf...)
	parts = append(parts, s.AnyOf...)
	parts = append(parts, s.OneOf...)
	for _, part := range s.DependentSchemas {
		parts = append(parts, part)
	}
	for _, part := range s.Dependencies {
		parts = appendSchema(parts, part)
	}
	return parts
}

// childrenOf returns the schemas that s applies to the members or elements of a value.
func childrenOf(s *jsonschema.Schema) (parts []*jsonschema.Schema) {
	for _, part := range s.Properties {
		parts = append(parts, part)
	}
	for _, part := range s.PatternProperties {
		parts = append(parts, part)
	}
	if items, ok := s.Items.([]*jsonschema.Schema); ok {
		parts = append(parts, items...)
	}
	parts = append(parts, s.PrefixItems...)
	for _, part := range []any{
		s.PropertyNames, s.AdditionalProperties, s.UnevaluatedProperties, s.Items, s.AdditionalItems, s.Items2020, s.Contains, s.UnevaluatedItems,
	} {
		parts = appendSchema(parts, part)
	}
	return parts
}

// appendSchema appends part if it is a schema, and not nil, a boolean or a list.
func appendSchema(parts []*jsonschema.Schema, part any) []*jsonschema.Schema {
	if s, ok := part.(*jsonschema.Schema); ok && s != nil {
		return append(parts, s)
	}
	return parts
}
