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
	"github.com/seed-b636437c/automation/internal/uuid"
)

// Handler serves the API. A Handler is safe for concurrent use. Its goroutines end with the
// request that they work on. Between requests it keeps the tokens of its rate limits, and
// what became of the last imports of contacts.
type Handler struct {
	runner *automation.Runner
	opts   Options
	keys   keyring
	mux    *http.ServeMux
	// first has the routes that overlap with others of mux, and wins.
	first   *http.ServeMux
	imports importLog
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
	h := &Handler{
		runner: runner, opts: opts, keys: keys, mux: http.NewServeMux(), first: http.NewServeMux(),
		imports: importLog{ids: uuid.NewSource(nil)},
	}
	for pattern, resource := range h.routes() {
		mux := h.mux
		if strings.HasPrefix(pattern, importsPath) {
			mux = h.first
		}
		mux.Handle(pattern, h.serve(resource))
	}
	return h, nil
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = canonical(r)
	h.muxOf(r).ServeHTTP(w, r)
}

// muxOf returns the mux that has the route of a request.
func (h *Handler) muxOf(r *http.Request) *http.ServeMux {
	if _, pattern := h.first.Handler(r); pattern != "" {
		return h.first
	}
	return h.mux
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
		timeout, size := h.opts.Timeout, h.opts.MaxBody
		if op, _ := res.find(r.Method); op.upload {
			timeout, size = h.opts.ImportTimeout, h.opts.MaxImport
		}
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, size)
		x := exchange{Handler: h, w: w, r: r, caller: unknownCaller}
		x.answer(res)
	})
}
