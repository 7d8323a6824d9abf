package dashboard

import (
	"net/http"
	"path"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/options"
)

// Handler serves the pages. A Handler is safe for concurrent use.
type Handler struct {
	runner   *automation.Runner
	opts     Options
	mux      *http.ServeMux
	policy   string // Content-Security-Policy of all pages
	assets   assetSet
	crossing *http.CrossOriginProtection
	lookout  lookout
	jobs     *jobs
	copies   copies
	forms    editorForms // of the Runner
}

// New returns a Handler that shows what runner runs. The error is an
// *automation.ValidationError that lists all invalid arguments.
//
// The Handler answers requests for every path. To serve it under a prefix, mount it with
// http.StripPrefix. All links are relative, so the Handler needs no prefix of its own.
func New(runner *automation.Runner, opts Options) (*Handler, error) {
	var problems automation.Problems
	c := options.New(&problems, automation.CodeInvalidOption)
	if runner == nil {
		c.Add("runner", "is required")
	}
	opts = opts.withDefaults(c)
	if err := problems.Err("dashboard"); err != nil {
		return nil, err
	}
	h := &Handler{runner: runner, opts: opts, mux: http.NewServeMux(), policy: contentPolicy(opts.FrameAncestors), assets: opts.branded()}
	h.jobs, h.forms = newJobs(runner, opts), newEditorForms(runner)
	h.crossing = crossOriginProtection(opts.TrustedOrigins)
	for _, route := range h.routes() {
		h.mux.Handle(route.pattern, h.serve(route))
	}
	h.mux.Handle("GET /assets/{version}/{file}", http.HandlerFunc(h.serveAsset))
	return h, nil
}

// Close stops the jobs that people started on the pages, such as to retry thousands of runs,
// and waits until they have stopped. It is safe to start such a job again. Call Close before
// the Store is closed. The pages can still be read afterwards.
func (h *Handler) Close() { h.jobs.close() }

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.secure(w.Header())
	if r.URL.Path == "" { // http.StripPrefix removed the whole path, without the slash at its end
		redirect(w, lastSegment(r)+"/", http.StatusMovedPermanently)
		return
	}
	if !isClean(r.URL.EscapedPath()) {
		h.serve(view("/", (*exchange).nothing)).ServeHTTP(w, r)
		return
	}
	h.mux.ServeHTTP(w, r)
}

// isClean reports whether http.ServeMux takes a path as it is. It would redirect any other
// to a path without the prefix under which a host serves the Handler.
func isClean(p string) bool {
	return p == path.Clean("/"+p) || strings.HasSuffix(p, "/") && p == path.Clean("/"+p)+"/"
}
