package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation/httpapi"
)

// description is the API's document, with every object closed that the document leaves
// open for later versions: an answer must not have a field that the document lacks.
type description struct {
	root map[string]any

	mu       sync.Mutex
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema // by pointer
}

var described = sync.OnceValue(func() *description {
	d := &description{compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	if err := json.Unmarshal(httpapi.Document, &d.root); err != nil {
		panic(err)
	}
	closeObjects(d.at("components", "schemas"))
	text, err := json.Marshal(d.root)
	if err != nil {
		panic(err)
	}
	d.compiler.Draft = jsonschema.Draft2020
	d.compiler.AssertFormat = true
	if err := d.compiler.AddResource("openapi.json", bytes.NewReader(text)); err != nil {
		panic(err)
	}
	return d
})

func closeObjects(v any) {
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			closeObjects(element)
		}
	case map[string]any:
		for _, member := range v {
			closeObjects(member)
		}
		if v["type"] == "object" && v["properties"] != nil && v["additionalProperties"] == nil {
			v["additionalProperties"] = false
		}
	}
}

// at returns the value that a pointer leads to, or nil.
func (d *description) at(pointer ...string) any {
	var v any = d.root
	for _, name := range pointer {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	return v
}

// schema compiles the schema that a pointer leads to.
func (d *description) schema(pointer ...string) (*jsonschema.Schema, error) {
	var fragment strings.Builder
	for _, name := range pointer {
		fragment.WriteString("/" + url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(name)))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s, ok := d.schemas[fragment.String()]; ok {
		return s, nil
	}
	s, err := d.compiler.Compile("openapi.json#" + fragment.String())
	d.schemas[fragment.String()] = s
	return s, err
}

// check returns how JSON differs from the schema that a pointer leads to.
func (d *description) check(data []byte, pointer ...string) error {
	s, err := d.schema(pointer...)
	if err != nil {
		return err
	}
	var v any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		return err
	}
	return s.Validate(v)
}

// documentMethods are the names of methods in the document.
var documentMethods = map[string]string{"GET": "get", "HEAD": "get", "POST": "post", "PATCH": "patch", "DELETE": "delete"}

// checkAnswer returns how an answer differs from its description in the document.
func (d *description) checkAnswer(method, path string, status int, body []byte) error {
	answer := []string{"paths", path, documentMethods[method], "responses", strconv.Itoa(status)}
	switch {
	case d.at(answer[:3]...) == nil && status < 400:
		return fmt.Errorf("%s %s is not in the document", method, path)
	case d.at(answer[:3]...) == nil:
		return d.check(body, "components", "schemas", "Error")
	case d.at(answer...) == nil:
		return fmt.Errorf("%s %s: the status %d is not in the document", method, path, status)
	}
	if ref, ok := d.at(append(answer, "$ref")...).(string); ok {
		answer = strings.Split(strings.TrimPrefix(ref, "#/"), "/")
	}
	return d.check(body, append(answer, "content", "application/json", "schema")...)
}

// checkRequest returns how a body that was accepted differs from the document, which
// does not describe that null often means the same as an absent field.
func (d *description) checkRequest(method, path string, body []byte) error {
	request := []string{"paths", path, documentMethods[method], "requestBody", "content", "application/json", "schema"}
	if trimmed := bytes.TrimSpace(body); len(trimmed) == 0 || string(trimmed) == "null" || d.at(request...) == nil {
		return nil
	}
	return d.check(body, request...)
}

// conforming compares every answer of a Handler with the document.
func conforming(t *testing.T, h *httpapi.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := h.Path(r)
		got := httptest.NewRecorder()
		h.ServeHTTP(got, r)
		assert.NoError(t, described().checkAnswer(r.Method, path, got.Code, got.Body.Bytes()), "%s %s: %s", r.Method, r.URL, got.Body)
		maps.Copy(w.Header(), got.Header())
		w.WriteHeader(got.Code)
		_, err := w.Write(got.Body.Bytes())
		assert.NoError(t, err)
	})
}
