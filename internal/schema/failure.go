package schema

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/jsonvalue"
)

// failure is one part of a document that does not match a JSON Schema.
type failure struct {
	segments []string // the path into the document
	message  string
	expected []string // the JSON types that would match, if the type is wrong
	actual   string   // the JSON type of the part, if the type is wrong
}

// failureViolations converts an error of the library into violations of the parts of
// document, in the order of their paths.
func failureViolations(err *jsonschema.ValidationError, root string, document any) []Violation {
	var violations []Violation
	for _, f := range failures(err) {
		violations = append(violations, Violation{Path: f.path(root, document), Message: f.sentence()})
	}
	slices.SortFunc(violations, func(a, b Violation) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Message, b.Message))
	})
	violations = slices.Compact(violations)
	return violations[:min(len(violations), jsondoc.MaxViolations)]
}

// failures collects the leaves of the library's tree of errors. The inner nodes, such
// as "allOf failed", do not help the author of a document.
func failures(err *jsonschema.ValidationError) []failure {
	keyword := err.KeywordLocation[strings.LastIndexByte(err.KeywordLocation, '/')+1:]
	switch {
	case len(err.Causes) == 0, keyword == "minContains" && err.Message != "":
		return explain(err)
	case err.Message == "anyOf failed", err.Message == "oneOf failed":
		return closest(err)
	}
	var found []failure
	for _, cause := range err.Causes {
		found = append(found, failures(cause)...)
	}
	return found
}

// closest returns the failures of the alternatives of an anyOf or a oneOf that accept
// the type of the value. If no alternative accepts the type, closest returns one
// failure that expects the types of all alternatives.
func closest(err *jsonschema.ValidationError) []failure {
	var sameType, otherType []failure
	here := pointerSegments(err.InstanceLocation)
	for _, alternative := range err.Causes {
		found := failures(alternative)
		if len(found) == 1 && found[0].expected != nil && slices.Equal(found[0].segments, here) {
			otherType = append(otherType, found[0])
		} else {
			sameType = append(sameType, found...)
		}
	}
	if len(sameType) > 0 {
		return sameType
	}
	merged := otherType[0]
	for _, f := range otherType[1:] {
		merged.expected = append(merged.expected, f.expected...)
	}
	return []failure{merged}
}

// explain converts a leaf of the library's tree of errors. The only data of a leaf is
// its message, so explain parses the message. It does not change an unknown message.
func explain(err *jsonschema.ValidationError) []failure {
	at := failure{segments: pointerSegments(err.InstanceLocation), message: err.Message}
	if names, ok := strings.CutPrefix(err.Message, "missing properties: "); ok {
		return at.members(names, "is required but missing")
	}
	if names, ok := strings.CutPrefix(err.Message, "additionalProperties "); ok {
		return at.members(strings.TrimSuffix(names, " not allowed"), "is not allowed by the schema; leave it out")
	}
	if types, ok := strings.CutPrefix(err.Message, "expected "); ok {
		expected, actual, _ := strings.Cut(types, ", but got ")
		at.expected, at.actual = strings.Split(expected, " or "), actual
	}
	return []failure{at}
}

// members returns a failure for each member in names, which is a list in the library's
// form: 'a', 'b'.
func (f failure) members(names, message string) []failure {
	var found []failure
	names = strings.TrimSuffix(strings.TrimPrefix(names, "'"), "'")
	for _, quoted := range strings.Split(names, "', '") {
		segments := append(slices.Clone(f.segments), unquoteName(quoted))
		found = append(found, failure{segments: segments, message: message})
	}
	return found
}

// unquoteName undoes the library's quoting, which is the quoting of Go, but with \' for
// ' and without a backslash before ".
func unquoteName(quoted string) string {
	goQuoted := `"` + strings.NewReplacer(`\'`, `'`, `\\`, `\\`, `"`, `\"`).Replace(quoted) + `"`
	name, err := strconv.Unquote(goQuoted)
	if err != nil {
		return quoted
	}
	return name
}

// sentence returns the message of a violation, which follows the path.
func (f failure) sentence() string {
	if f.expected != nil {
		var expected []string
		for _, name := range f.expected {
			expected = append(expected, jsonvalue.WithArticle(name))
		}
		slices.Sort(expected)
		return "must be " + strings.Join(slices.Compact(expected), " or ") + ", not " + jsonvalue.WithArticle(f.actual)
	}
	switch {
	case f.message == "not allowed":
		return "is not allowed by the schema; leave it out"
	case f.message == "not failed":
		return `matches what the schema excludes with "not"`
	case f.message == "const failed":
		return "is not the value that the schema requires"
	case strings.HasPrefix(f.message, "valid must be "):
		return `number of elements that match "contains" ` + strings.TrimPrefix(f.message, "valid ")
	default:
		return jsondoc.Shorten(f.message)
	}
}

// pointerSegments splits a JSON pointer in the library's form, which also has
// percent-encoded segments.
func pointerSegments(pointer string) []string {
	if pointer == "" {
		return nil
	}
	segments := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, segment := range segments {
		if decoded, err := url.PathUnescape(segment); err == nil {
			segment = decoded
		}
		segments[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(segment)
	}
	return segments
}

// path returns the segments of f as a path. It follows them through document, because a
// segment such as "0" can be an index or a key.
func (f failure) path(root string, document any) string {
	path := []byte(root)
	for _, segment := range f.segments {
		array, isArray := document.([]any)
		i, err := strconv.Atoi(segment)
		if isArray && err == nil && 0 <= i && i < len(array) {
			path, document = jsondoc.AppendIndex(path, i), array[i]
			continue
		}
		object, _ := document.(map[string]any)
		path, document = jsondoc.AppendKey(path, segment), object[segment]
	}
	return string(path)
}
