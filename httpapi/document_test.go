package httpapi_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/httpapi"
)

func TestDocument_HasTheCallsThatAreServed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*httpapi.Options)
		absent []string // prefixes of paths
	}{
		"everything":   {func(*httpapi.Options) {}, nil},
		"no contacts":  {func(o *httpapi.Options) { o.Contacts = false }, []string{"/segments", "/contacts/{contact}/segments"}},
		"no templates": {func(o *httpapi.Options) { o.Templates = nil }, []string{"/templates"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := setup(t, tt.change)
			calls := documented(t, a.must(http.StatusOK, "GET", "/openapi.json", "").body)
			assert.Equal(t, a.api.Calls(), calls)
			for _, prefix := range tt.absent {
				assert.NotContains(t, strings.Join(calls, "\n"), " "+prefix)
			}
		})
	}
	assert.Equal(t, setup(t).api.Calls(), documented(t, string(httpapi.Document)))
}

// documented lists the calls of a document, as method and path.
func documented(t *testing.T, text string) []string {
	t.Helper()
	var d struct {
		OpenAPI string
		Paths   map[string]map[string]json.RawMessage
	}
	require.NoError(t, json.Unmarshal([]byte(text), &d))
	assert.Equal(t, "3.1.0", d.OpenAPI)
	var calls []string
	for path, operations := range d.Paths {
		for method := range operations {
			if method != "parameters" {
				calls = append(calls, strings.ToUpper(method)+" "+path)
			}
		}
	}
	slices.Sort(calls)
	return calls
}

func TestDocument_NeedsNoKey(t *testing.T) {
	t.Parallel()
	a := setup(t)
	for _, key := range []string{"", "Bearer re_wrong", "Bearer " + sendingKey} {
		a.must(http.StatusOK, "GET", "/openapi.json", "", "Authorization", key)
		a.must(http.StatusOK, "HEAD", "//openapi.json/", "", "Authorization", key)
	}
	a.must(http.StatusUnauthorized, "POST", "/openapi.json", "", "Authorization", "")
	a.must(http.StatusMethodNotAllowed, "POST", "/openapi.json", "")
}

func TestDocument_ExamplesAreAccepted(t *testing.T) {
	t.Parallel()
	for path := range described().root["paths"].(map[string]any) {
		for _, method := range []string{"post", "patch"} {
			if described().at("paths", path, method, "requestBody") == nil {
				continue
			}
			content := described().at("paths", path, method, "requestBody", "content").(map[string]any)
			for kind, body := range content {
				examples, _ := body.(map[string]any)["examples"].(map[string]any)
				assert.NotEmpty(t, examples, "%s %s", method, path)
				for name, example := range examples {
					t.Run(method+path+"/"+name, func(t *testing.T) {
						t.Parallel()
						a := setup(t)
						text, header := encodedAs(t, kind, example.(map[string]any)["value"])
						got := a.call(strings.ToUpper(method), a.inhabit(path), text, "Content-Type", header)
						assert.Less(t, got.status, 300, got.body)
					})
				}
			}
		}
	}
}

// encodedAs returns a body of this content type, and its header Content-Type.
func encodedAs(t *testing.T, kind string, value any) (body, header string) {
	t.Helper()
	if kind == "multipart/form-data" {
		var parts []part
		for name, text := range value.(map[string]any) {
			parts = append(parts, part{name: name, text: text.(string)})
		}
		return form(t, parts...)
	}
	data, err := json.Marshal(value)
	require.NoError(t, err)
	return string(data), kind
}

// inhabit creates an object of every kind and returns path with the names of these
// objects filled in.
func (a *api) inhabit(path string) string {
	a.t.Helper()
	const contact = "e169aa45-1ecf-4183-9955-b1499d5701d3"
	_, err := a.runner.CreateContact(a.t.Context(), automation.Contact{ID: contact, Email: "ada@example.com"})
	require.NoError(a.t, err)
	for _, segment := range []string{"customers", "partners"} {
		_, err := a.runner.CreateSegment(a.t.Context(), automation.Segment{ID: segment, Name: segment})
		require.NoError(a.t, err)
	}
	id := a.create()
	run := a.start("ada@example.com")
	a.must(http.StatusCreated, "POST", "/events", `{"name": "user.created"}`)
	segment := a.must(http.StatusCreated, "POST", "/segments", `{"name": "Friends"}`).id(a.t)
	a.must(http.StatusOK, "POST", "/contacts/"+contact+"/segments/"+segment, "")
	a.must(http.StatusCreated, "POST", "/templates", `{"name": "Hello", "alias": "hello", "html": "<p>Hello</p>"}`)
	a.must(http.StatusCreated, "POST", "/contact-properties", `{"key": "tier", "type": "string"}`)
	return strings.NewReplacer("{property}", "tier", "{automation}", id, "{run}", run, "{contact}", contact, "{event}", "user.created", "{segment}", segment, "{template}", "hello").Replace(path)
}

// The tests above would find nothing if the document described nothing.
func TestDocument_DescribesAnswersCompletely(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		body   string
	}{
		"missing field":       {200, `{"object": "list", "data": []}`},
		"unknown field":       {200, `{"object": "list", "has_more": false, "data": [], "more": 1}`},
		"wrong type":          {200, `{"object": "list", "has_more": "no", "data": []}`},
		"wrong item":          {200, `{"object": "list", "has_more": false, "data": [{"id": "x"}]}`},
		"undocumented status": {418, `{}`},
		"invented error":      {422, `{"statusCode": 422, "name": "teapot", "message": "x"}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Error(t, described().checkAnswer("GET", "/automations", tt.status, []byte(tt.body)))
		})
	}
	assert.NoError(t, described().checkAnswer("GET", "/automations", 200, []byte(`{"object": "list", "has_more": false, "data": []}`)))
	assert.Error(t, described().checkAnswer("PUT", "/automations", 200, []byte(`{}`)))
}
