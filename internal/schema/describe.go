package schema

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// The bounds of Describe. What is beyond them counts as known.
const (
	maxSegments = 16  // of a path: keys with dots make many readings of one path
	maxApplied  = 200 // schemas that apply to one value
)

// Description is what a schema states about a path into a payload.
type Description struct {
	// Known is true if the schema declares the path, or leaves open whether a payload
	// has it. The other fields, except Type and DateOnly, then have no meaning.
	Known bool
	// Type is "string", "number", "boolean" or "date" if every value at the path is of
	// this type or null, as far as Describe knows. Otherwise it is empty.
	Type string
	// DateOnly is true if every value at the path is a date without a time of day, or null.
	DateOnly bool

	// Parent is the part of the path that the schema declares. It is empty for the
	// payload itself, and ends in a dot otherwise.
	Parent string
	// ParentType is the type of a parent that has no fields, as in Type.
	ParentType string
	// Fields are the names that the schema declares under Parent, sorted.
	Fields []string
	// Open is true if the schema states that other fields are allowed.
	Open bool
}

var known = Description{Known: true}

// Describe returns what s states about the path, whose segments are separated by dots. A
// segment can be the key of an object or an index of an array, and keys can contain dots.
// Describe reports a path as unknown only if s clearly does not declare it: it makes no
// statement about what is behind patterns, schemas for additional properties, or
// alternatives that declare no properties.
func (s *Schema) Describe(path string) Description {
	if s == nil || strings.Count(path, ".") >= maxSegments {
		return known
	}
	if s.document != nil {
		return documentShape([]*jsonschema.Schema{s.document}, []*jsonschema.Schema{s.document}).describe("", path)
	}
	return shape{flat: s.fields}.describe("", path)
}

// shape is what is known about one value of a payload.
type shape struct {
	flat []schemaField // of a payload with a flat map
	kind fieldType     // of a field of a flat map

	all     []*jsonschema.Schema // that can apply to the value
	certain []*jsonschema.Schema // those among all that apply to the value in any case
}

// documentShape returns the shape of a value to which certain apply, and all can apply.
func documentShape(certain, all []*jsonschema.Schema) shape {
	return shape{certain: closure(certain, conjuncts), all: closure(all, inPlaceOf)}
}

// closure returns the schemas, and those that next returns for each of them. It returns
// one more than maxApplied at most.
func closure(schemas []*jsonschema.Schema, next func(*jsonschema.Schema) []*jsonschema.Schema) []*jsonschema.Schema {
	var found []*jsonschema.Schema
	seen := map[*jsonschema.Schema]bool{}
	for todo := slices.Clone(schemas); len(todo) > 0 && len(found) <= maxApplied; todo = todo[1:] {
		if s := todo[0]; !seen[s] {
			seen[s] = true
			found = append(found, s)
			todo = append(todo, next(s)...)
		}
	}
	return found
}

// conjuncts returns the schemas that apply to a value in any case if s does.
func conjuncts(s *jsonschema.Schema) []*jsonschema.Schema {
	parts := slices.Clone(s.AllOf)
	return appendSchema(appendSchema(parts, s.Ref), s.RecursiveRef)
}

// describe describes the value at keys in a value of this shape. It reads the keys as a
// reference does: the first segment is a key, or the first two are one key, and so on.
func (s shape) describe(parent, keys string) Description {
	if t := s.scalar(); t != "" {
		return Description{Parent: parent, ParentType: t}
	}
	if s.isElusive() {
		return known
	}
	names := s.names()
	found := Description{Parent: parent, Fields: names, Open: s.isOpen()}
	for _, name := range names {
		if keys == name {
			found = found.or(s.field(name).known())
		} else if rest, deeper := strings.CutPrefix(keys, name+"."); deeper {
			found = found.or(s.field(name).describeInside(parent+name+".", rest))
		}
	}
	return found
}

// or returns the description of a path with another reading. The reading that reaches
// further counts.
func (d Description) or(other Description) Description {
	switch {
	case !other.Known && d.Known:
		return d
	case other.Known && d.Known && other.Type != d.Type:
		return known
	case other.Known && d.Known:
		other.DateOnly = other.DateOnly && d.DateOnly
		return other
	default:
		return other
	}
}

// describeInside is describe for the value of a field, which can be an array.
func (s shape) describeInside(parent, keys string) Description {
	segment, rest, deeper := strings.Cut(keys, ".")
	if _, err := strconv.Atoi(segment); err != nil {
		return s.describe(parent, keys)
	}
	elements := s.elements()
	switch {
	case len(elements.all) == 0:
		return known
	case !deeper:
		return elements.known()
	default:
		return elements.describe(parent+segment+".", rest)
	}
}

// known describes a path to values of this shape.
func (s shape) known() Description {
	dateOnly := slices.ContainsFunc(s.certain, func(part *jsonschema.Schema) bool { return part.Format == "date" })
	return Description{Known: true, Type: s.scalar(), DateOnly: dateOnly && s.scalar() == string(fieldDate)}
}

// scalar returns the type of all values of this shape, or "".
func (s shape) scalar() string {
	if s.kind != "" {
		return string(s.kind)
	}
	for _, part := range s.certain {
		types := slices.DeleteFunc(slices.Clone(part.Types), func(t string) bool { return t == "null" })
		if len(types) != 1 {
			continue
		}
		switch t := types[0]; {
		case t == "string" && (part.Format == "date" || part.Format == "date-time"):
			return string(fieldDate)
		case t == "string", t == "boolean", t == "number":
			return t
		case t == "integer":
			return string(fieldNumber)
		}
	}
	return ""
}

// isElusive reports whether the fields of a value are not clearly declared.
func (s shape) isElusive() bool {
	if s.all == nil {
		return len(s.flat) == 0
	}
	if len(s.all) > maxApplied {
		return true
	}
	for _, part := range s.all {
		_, typed := part.AdditionalProperties.(*jsonschema.Schema)
		unevaluated := part.UnevaluatedProperties != nil && (part.UnevaluatedProperties.Always == nil || *part.UnevaluatedProperties.Always)
		if typed || unevaluated || len(part.PatternProperties) > 0 || part.DynamicRef != nil {
			return true
		}
	}
	return !slices.ContainsFunc(s.certain, declares)
}

// declares reports whether s has properties in any case.
func declares(s *jsonschema.Schema) bool {
	return len(s.Properties) > 0 || allDeclare(s.AnyOf) || allDeclare(s.OneOf)
}

func allDeclare(alternatives []*jsonschema.Schema) bool {
	for _, a := range alternatives {
		if !slices.ContainsFunc(closure([]*jsonschema.Schema{a}, conjuncts), func(s *jsonschema.Schema) bool { return len(s.Properties) > 0 }) {
			return false
		}
	}
	return len(alternatives) > 0
}

func (s shape) isOpen() bool {
	return slices.ContainsFunc(s.all, func(part *jsonschema.Schema) bool { return part.AdditionalProperties == true })
}

// names returns the names of the fields that are declared, sorted.
func (s shape) names() []string {
	names := map[string]bool{}
	for _, f := range s.flat {
		names[f.name] = true
	}
	for _, part := range s.all {
		for name := range part.Properties {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// field returns the shape of the field with this name, which is declared.
func (s shape) field(name string) shape {
	for _, f := range s.flat {
		if f.name == name {
			return shape{kind: f.kind}
		}
	}
	property := func(part *jsonschema.Schema) *jsonschema.Schema { return part.Properties[name] }
	return documentShape(parts(s.certain, property), parts(s.all, property))
}

// elements returns the shape of the elements of an array. It has no schemas if they
// differ, or if nothing is known about them.
func (s shape) elements() shape {
	if slices.ContainsFunc(s.all, func(part *jsonschema.Schema) bool { return len(part.PrefixItems) > 0 }) {
		return shape{}
	}
	items := func(part *jsonschema.Schema) *jsonschema.Schema {
		if part.Items2020 != nil {
			return part.Items2020
		}
		same, _ := part.Items.(*jsonschema.Schema)
		return same
	}
	return documentShape(parts(s.certain, items), parts(s.all, items))
}

// parts returns what part returns for each schema, without nil.
func parts(schemas []*jsonschema.Schema, part func(*jsonschema.Schema) *jsonschema.Schema) (found []*jsonschema.Schema) {
	for _, s := range schemas {
		found = appendSchema(found, part(s))
	}
	return found
}
