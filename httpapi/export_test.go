package httpapi

import (
	"net/http"
	"slices"
	"strings"
)

// Document is the complete document of the API.
var Document = document

// Calls lists the calls that are served, as method and path.
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

// Path returns the path in the document that a request belongs to, and "/" if it belongs
// to none.
func (h *Handler) Path(r *http.Request) string {
	r = canonical(r)
	_, pattern := h.muxOf(r).Handler(r)
	return strings.TrimSuffix(pattern, "{$}")
}
