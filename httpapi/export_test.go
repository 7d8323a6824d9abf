package httpapi

import (
	"net/http"
	"slices"
	"strings"
)

// Document is the whole of the API's document.
var Document = document

// Calls lists what is served, as method and path.
func (h *Handler) Calls() []string {
	var calls []string
	for path, res := range h.routes() {
		for method := range res {
			calls = append(calls, method+" "+path)
		}
	}
	slices.Sort(calls)
	return calls
}

// Path returns the path of the document that a request is for, and "/" if it is for
// none.
func (h *Handler) Path(r *http.Request) string {
	_, pattern := h.mux.Handler(canonical(r))
	return strings.TrimSuffix(pattern, "{$}")
}
