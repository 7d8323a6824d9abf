package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/options"
)

// Handler serves the API. A Handler is safe for concurrent use, starts no goroutines, and
// keeps nothing between requests except the tokens of its rate limits.
type Handler struct {
	runner *automation.Runner
	opts   Options
	keys   keyring
	mux    *http.ServeMux
}

// New returns a Handler that works on runner. The error is an
// *automation.ValidationError that lists all invalid arguments.
//
// The Handler answers requests for every path. To serve the API under a prefix, mount
// the Handler with http.StripPrefix.
func New(runner *automation.Runner, opts Options) (*Handler, error) {
	var problems automation.Problems
	c := options.New(&problems, automation.CodeInvalidOption)
	if runner == nil {
		c.Add("runner", "is required")
	}
	opts = opts.withDefaults(c)
	keys := newKeyring(c, opts)
	if err := problems.Err("httpapi"); err != nil {
		return nil, err
	}
	h := &Handler{runner: runner, opts: opts, keys: keys, mux: http.NewServeMux()}
	for pattern, resource := range h.routes() {
		h.mux.Handle(pattern, h.serve(resource))
	}
	return h, nil
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mux.ServeHTTP(w, canonical(r))
}

// canonical returns r with a clean path. A client whose base URL ends in a slash
// requests //automations; the mux would redirect that request, and a redirect loses the
// body of a POST. The path is cleaned in its escaped form, so that an encoded slash
// stays part of a name.
func canonical(r *http.Request) *http.Request {
	escaped := path.Clean("/" + r.URL.EscapedPath())
	plain, err := url.PathUnescape(escaped)
	if err != nil || !utf8.ValidString(plain) || strings.ContainsRune(plain, 0) {
		escaped, plain = "/", "/" // no name contains such characters, so no resource is found
	}
	clean := *r
	u := *r.URL
	u.Path, u.RawPath = plain, escaped
	clean.URL, clean.RequestURI = &u, ""
	return &clean
}

// serve answers the requests for one resource.
func (h *Handler) serve(res resource) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), h.opts.Timeout)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, h.opts.MaxBody)
		x := exchange{Handler: h, w: w, r: r, caller: unknownCaller}
		x.answer(res)
	})
}
