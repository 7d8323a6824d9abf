package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/jsonvalue"
)

// schemaURL is the base URL of a schema without an $id.
const schemaURL = "schema:///"

// documentSchema compiles the JSON Schema raw. object is the decoded raw.
func documentSchema(raw []byte, object map[string]any) (*Schema, []Violation) {
	if violations := hugeNumbers("schema", object); violations != nil {
		return nil, violations
	}
	var document *jsonschema.Schema
	err := guard(func() (err error) {
		document, err = compileDocument(raw)
		return err
	})
	if err != nil {
		return nil, schemaViolations(err, object)
	}
	costs, violations := costsOf(document, object)
	if violations != nil {
		return nil, violations
	}
	return &Schema{document: document, costs: costs}, nil
}

func compileDocument(raw []byte) (*jsonschema.Schema, error) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat = true
	compiler.LoadURL = refuseURL
	compiler.Formats["date"] = func(v any) bool {
		text, ok := v.(string)
		return !ok || jsonvalue.IsDate(text)
	}
	if err := compiler.AddResource(schemaURL, bytes.NewReader(raw)); err != nil {
		return nil, err
	}
	return compiler.Compile(schemaURL)
}

// refuseURL refuses to load any document besides the schema itself. By default the
// library reads files, and a schema must not have access to the host's files or
// network.
func refuseURL(url string) (io.ReadCloser, error) {
	return nil, fmt.Errorf("%q is outside the schema and is not loaded; copy what it names under \"$defs\"",
		strings.TrimPrefix(url, schemaURL))
}

// schemaViolations returns the violations in object that make it unusable as a JSON
// Schema. err is the error of the library.
func schemaViolations(err error, object map[string]any) []Violation {
	var invalid *jsonschema.ValidationError
	if errors.As(err, &invalid) {
		return failureViolations(invalid, "schema", object)
	}
	var failed *jsonschema.SchemaError
	if errors.As(err, &failed) && failed.Err != nil {
		err = failed.Err
	}
	reason := strings.ReplaceAll(strings.TrimPrefix(err.Error(), "jsonschema: "), schemaURL, "")
	return []Violation{{Path: "schema", Message: "cannot be used: " + reason}}
}

// checkDocument validates payload against the JSON Schema of s. A nil payload is an
// empty object.
func (s *Schema) checkDocument(payload map[string]any) []Violation {
	if violations := hugeNumbers("payload", payload); violations != nil {
		return violations
	}
	if !s.costs.affordable(s.document, payload) {
		return []Violation{{Path: "payload", Message: "takes too long to check against the schema; " +
			"send less, or define a schema in which fewer schemas apply to the same value"}}
	}
	err := guard(func() error { return s.document.Validate(payload) })
	var invalid *jsonschema.ValidationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid):
		return failureViolations(invalid, "payload", payload)
	default:
		return []Violation{{Path: "payload", Message: "cannot be checked against the schema: " + err.Error()}}
	}
}

// guard calls do and returns a panic of the library as an error. An unusual document
// can make the library panic.
func guard(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return do()
}

// hugeNumbers returns a violation for each huge number. The library computes with
// fractions, and a number such as 1e999999, which has a million digits, would keep it
// busy for seconds.
func hugeNumbers(root string, document any) []Violation {
	paths := slices.Sorted(slices.Values(hugeNumberPaths(document)))
	var violations []Violation
	for _, path := range paths[:min(len(paths), jsondoc.MaxViolations)] {
		violations = append(violations, Violation{Path: jsondoc.Join(root, path), Message: "is a number with too many digits for a JSON Schema; write it as a string"})
	}
	return violations
}

// hugeNumberPaths returns the paths of the huge numbers in value. It allocates nothing
// if there are none.
func hugeNumberPaths(value any) (paths []string) {
	switch value := value.(type) {
	case map[string]any:
		for key, member := range value {
			for _, path := range hugeNumberPaths(member) {
				paths = append(paths, jsondoc.Join(jsondoc.PathTo("", key), path))
			}
		}
	case []any:
		for i, element := range value {
			for _, path := range hugeNumberPaths(element) {
				paths = append(paths, jsondoc.Join(string(jsondoc.AppendIndex(nil, i)), path))
			}
		}
	case json.Number:
		if isHuge(value) {
			paths = []string{""}
		}
	}
	return paths
}

func isHuge(number json.Number) bool {
	const digits = 400 // more than any float64 needs
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(string(number)), "e")
	if len(mantissa) > digits {
		return true
	}
	power, err := strconv.Atoi(exponent)
	return scientific && (err != nil || power > digits || power < -digits)
}
