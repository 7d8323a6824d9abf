package httpapi

import (
	_ "embed"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"sync"
)

// document describes the whole API in OpenAPI 3.1. Its paths are the patterns of the
// routes.
//
//go:embed openapi.json
var document []byte

const documentPath = "/openapi.json"

// documentRoutes returns the route of the document about these routes and itself.
func documentRoutes(routes map[string]resource) map[string]resource {
	served := append(slices.Collect(maps.Keys(routes)), documentPath)
	text := sync.OnceValues(func() ([]byte, error) { return documentOf(served) })
	get := func(*http.Request) (any, error) {
		data, err := text()
		return json.RawMessage(data), err
	}
	return map[string]resource{documentPath: {"GET": {status: http.StatusOK, do: get, open: true}}}
}

// documentOf returns the document without the paths that are not served.
func documentOf(served []string) ([]byte, error) {
	var d struct {
		OpenAPI    json.RawMessage            `json:"openapi"`
		Info       json.RawMessage            `json:"info"`
		Servers    json.RawMessage            `json:"servers"`
		Security   json.RawMessage            `json:"security"`
		Tags       json.RawMessage            `json:"tags"`
		Paths      map[string]json.RawMessage `json:"paths"`
		Components json.RawMessage            `json:"components"`
	}
	_ = json.Unmarshal(document, &d) // the document is embedded, and tests read it
	maps.DeleteFunc(d.Paths, func(path string, _ json.RawMessage) bool { return !slices.Contains(served, path) })
	return json.Marshal(d)
}
