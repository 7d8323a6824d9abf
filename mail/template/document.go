package template

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/seed-b636437c/automation"
)

// Parse reads a template in the JSON of Resend's create-template call, with a status
// besides. Null is the same as an absent field, and reply_to may be an array of
// addresses. It is strict: a field that is unknown, repeated or of another type is
// reported, all of them together, in a *automation.ValidationError with their paths.
// What the fields say is checked by Create.
func Parse(data []byte) (Template, error) {
	t, problems := parse(data)
	return t, problems.Err("template")
}

func parse(data []byte) (Template, automation.Problems) {
	var d document
	root := d.read(data)
	if root == nil {
		return Template{}, d.problems
	}
	var t Template
	d.fields("", root, map[string]func(string, any){
		"name":    d.string(&t.Name),
		"alias":   d.string(&t.Alias),
		"from":    d.string(&t.From),
		"subject": d.string(&t.Subject),
		"html":    d.string(&t.HTML),
		"text":    d.string(&t.Text),
		"status":  d.string((*string)(&t.Status)),
		"reply_to": func(path string, v any) {
			t.ReplyTo = d.addresses(path, v)
		},
		"variables": func(path string, v any) {
			t.Variables = d.variables(path, v)
		},
	})
	return t, d.problems
}

// document collects what is wrong with a JSON document. encoding/json alone takes
// repeated keys, and keys in any case.
type document struct {
	check
	decoder *json.Decoder
	depth   int // objects and arrays that are open
}

// maxNesting and maxPath are far more than a template needs. They keep what reading
// costs in proportion to the size of the document.
const (
	maxNesting = 100
	maxPath    = 200 // bytes, from which on a path gets no longer
)

var errNesting = fmt.Errorf("objects and arrays are nested more than %d deep", maxNesting)

// read returns what the document holds, or nil if it is no JSON.
func (d *document) read(data []byte) any {
	if !utf8.Valid(data) {
		d.add(automation.CodeSyntax, "", "is not valid UTF-8")
		return nil
	}
	d.decoder = json.NewDecoder(bytes.NewReader(data))
	d.decoder.UseNumber()
	root, err := d.value("")
	if err == nil {
		if _, err = d.decoder.Token(); err == io.EOF {
			return root
		}
		d.add(automation.CodeSyntax, "", "line %d: there is more after the end of the document", d.line(data))
		return nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	d.add(automation.CodeSyntax, "", "line %d: %v", d.line(data), err)
	return nil
}

func (d *document) line(data []byte) int {
	return 1 + bytes.Count(data[:d.decoder.InputOffset()], []byte("\n"))
}

func (d *document) value(path string) (any, error) {
	token, err := d.decoder.Token()
	if _, ok := token.(json.Delim); !ok || err != nil {
		return token, err
	}
	if d.depth == maxNesting {
		return nil, errNesting
	}
	d.depth++
	defer func() { d.depth-- }()
	if token == json.Delim('{') {
		return d.object(path)
	}
	return d.array(path)
}

func (d *document) object(path string) (any, error) {
	object := map[string]any{}
	for d.decoder.More() {
		token, err := d.decoder.Token()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string) // the decoder takes nothing else for a key
		at := join(path, key)
		value, err := d.value(at)
		if err != nil {
			return nil, err
		}
		if _, ok := object[key]; ok {
			d.add(automation.CodeDuplicateKey, at, "is there twice")
		}
		object[key] = value
	}
	_, err := d.decoder.Token()
	return object, err
}

func (d *document) array(path string) (any, error) {
	array := []any{}
	for d.decoder.More() {
		value, err := d.value(index(path, len(array)))
		if err != nil {
			return nil, err
		}
		array = append(array, value)
	}
	_, err := d.decoder.Token()
	return array, err
}

// fields hands each member of an object to who knows it.
func (d *document) fields(path string, v any, known map[string]func(path string, v any)) {
	object, ok := v.(map[string]any)
	if !ok {
		d.add(automation.CodeWrongType, path, "must be an object")
		return
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		set, ok := known[key]
		if !ok {
			d.add(automation.CodeUnknownField, join(path, key), "is not a field here: there are %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		} else if object[key] != nil {
			set(join(path, key), object[key])
		}
	}
}

// string returns what sets a field to a string.
func (d *document) string(to *string) func(path string, v any) {
	return func(path string, v any) {
		s, ok := v.(string)
		if !ok {
			d.add(automation.CodeWrongType, path, "must be a string")
		}
		*to = s
	}
}

// addresses reads one string, or an array of strings.
func (d *document) addresses(path string, v any) string {
	array, ok := v.([]any)
	if !ok {
		array = []any{v}
	}
	var list []string
	for _, item := range array {
		s, ok := item.(string)
		if !ok {
			d.add(automation.CodeWrongType, path, "must be a string or an array of strings")
			return ""
		}
		list = append(list, s)
	}
	return strings.Join(list, ", ")
}

func (d *document) variables(path string, v any) []Variable {
	array, ok := v.([]any)
	if !ok {
		d.add(automation.CodeWrongType, path, "must be an array")
	}
	list := make([]Variable, len(array))
	for i, item := range array {
		d.fields(index(path, i), item, map[string]func(string, any){
			"key":            d.string(&list[i].Key),
			"type":           d.string((*string)(&list[i].Type)),
			"fallback_value": func(_ string, v any) { list[i].FallbackValue = v },
		})
	}
	return list
}

func join(path, key string) string {
	switch {
	case path == "":
		return key
	case len(path) > maxPath:
		return path
	}
	return path + "." + key
}

func index(path string, i int) string {
	if len(path) > maxPath {
		return path
	}
	return path + "[" + strconv.Itoa(i) + "]"
}
