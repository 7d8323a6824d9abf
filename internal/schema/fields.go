package schema

import (
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// maxFields bounds the fields that Fields returns: schemas that refer to each other can
// declare exponentially many.
const maxFields = 1000

// Field is a field of a payload that a schema declares.
type Field struct {
	Path string // the names of the field and of the objects around it, with dots between
	Type string // as in Description
}

// Fields returns the fields that s declares in any of its alternatives, sorted by their
// paths. It returns the fields of an object instead of the object. Two readings of a path,
// with a name that contains a dot and without it, are one field.
func (s *Schema) Fields() []Field {
	if s == nil {
		return nil
	}
	w := fieldWalk{types: map[string]string{}, objects: map[string]bool{}}
	if s.document != nil {
		w.object("", documentShape([]*jsonschema.Schema{s.document}, []*jsonschema.Schema{s.document}), nil)
	} else {
		w.object("", shape{flat: s.fields}, nil)
	}
	fields := make([]Field, 0, len(w.types))
	for _, path := range slices.Sorted(maps.Keys(w.types)) {
		f := Field{Path: path}
		if !w.objects[path] {
			f.Type = w.types[path]
		}
		fields = append(fields, f)
	}
	return fields
}

// fieldWalk collects the types of fields by their paths, and the paths of objects.
type fieldWalk struct {
	types   map[string]string
	objects map[string]bool
}

// object adds the fields of an object. around are the schemas of the objects around it.
func (w *fieldWalk) object(prefix string, object shape, around []*jsonschema.Schema) {
	around = append(slices.Clip(around), object.all...)
	for _, name := range object.names() {
		if len(w.types) >= maxFields {
			return
		}
		field, path := object.field(name), prefix+name
		if field.scalar() != "" || len(field.names()) == 0 || field.isInside(around) || strings.Count(path, ".") >= maxSegments-1 {
			w.add(path, field.scalar())
			continue
		}
		w.objects[path] = true
		w.object(path+".", field, around)
	}
}

// isInside reports whether one of the schemas of s is among around, so that s contains
// itself.
func (s shape) isInside(around []*jsonschema.Schema) bool {
	return slices.ContainsFunc(s.all, func(part *jsonschema.Schema) bool { return slices.Contains(around, part) })
}

func (w *fieldWalk) add(path, typ string) {
	if other, ok := w.types[path]; ok && other != typ {
		typ = ""
	}
	w.types[path] = typ
}
