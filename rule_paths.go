package automation

import (
	"maps"
	"slices"

	"github.com/seed-b636437c/automation/internal/schema"
)

// PathInfo is a path that rules and references can have, so that a program can offer it.
type PathInfo struct {
	Path string   `json:"path"` // such as "event.plan"
	Type PathType `json:"type,omitempty"`
}

// PathType is the type of the values at a path. It is empty if they can have several
// types, and for lists and objects.
type PathType string

// The types of paths.
const (
	PathString  PathType = "string"
	PathNumber  PathType = "number"
	PathBoolean PathType = "boolean"
	PathDate    PathType = "date" // a string such as 2026-01-31 or 2026-01-31T09:30:00Z
)

// Paths returns the paths into the payload that the schema declares, sorted. They begin
// with "event.", for the trigger and for the filter of a wait. After a wait for the event,
// the same field has the path "wait_events.<event name>.<field>".
//
// An object appears as its fields, and a list as a whole. A payload can have fields that
// are not among the paths: without a schema there are none, fields whose names no path can
// contain are left out, and of a very large or nested schema at most 1,000 paths of 16
// names are returned.
func (d EventDefinition) Paths() []PathInfo {
	s, _ := schema.Compile(d.Schema) // an invalid schema declares nothing
	var paths []PathInfo
	for _, f := range s.Fields() {
		paths = appendPath(paths, "event."+f.Path, PathType(f.Type))
	}
	return paths
}

// contactPathTypes are the types of contactFields that are not strings.
var contactPathTypes = map[string]PathType{"unsubscribed": PathBoolean, "created_at": PathDate, "segments": ""}

// ContactPaths returns the paths into a contact: its fields, and the properties that these
// definitions define, sorted. A contact can have properties without a definition.
func ContactPaths(defined []ContactProperty) []PathInfo {
	properties := map[string]PathType{}
	for _, p := range defined {
		properties[p.Key] = PathType(p.Type)
	}
	var paths []PathInfo
	for _, name := range sortedKeys(contactFields) {
		typ, ok := contactPathTypes[name]
		if !ok {
			typ = PathString
		}
		paths = appendPath(paths, "contact."+name, typ)
	}
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		paths = appendPath(paths, "contact.properties."+key, properties[key])
	}
	return paths
}

// appendPath adds a path that rules and references accept.
func appendPath(paths []PathInfo, text string, typ PathType) []PathInfo {
	if _, err := compilePath(text, nil); err != nil {
		return paths
	}
	return append(paths, PathInfo{text, typ})
}
