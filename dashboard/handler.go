package dashboard

import (
	"cmp"
	"context"
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
	h.jobs = newJobs(runner, opts)
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

// exchange is one request and its answer.
type exchange struct {
	*Handler
	w      http.ResponseWriter
	r      *http.Request
	ctx    context.Context
	access Access
	to     linker
	// audited means that Options.Audit has an entry about the request.
	audited bool
}

// serve answers the requests of one route.
func (h *Handler) serve(route route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{Handler: h, w: w, r: r, access: h.access(r), to: linkerOf(r)}
		x.ctx = automation.WithActor(r.Context(), h.actor(r))
		if err := x.answer(route); err != nil {
			if route.action != "" && !x.audited {
				x.audit(route.action, x.target(), err)
			}
			x.fail(err)
		}
	})
}

// answer answers the request, or returns why it is refused.
func (x *exchange) answer(route route) error {
	if err := x.admit(route); err != nil {
		return err
	}
	switch {
	case !isText(x.r.URL.Path):
		return notFound("page")
	case !areTexts(x.r.URL.Query()):
		return badInput("This link is damaged", "It has bytes that are no text. Go back to the page that it is on, or write it anew.")
	}
	x.r.Body = http.MaxBytesReader(x.w, x.r.Body, maxBody)
	if route.action != "" {
		if err := x.readForm(); err != nil {
			return err
		}
	}
	return route.do(x)
}

// target returns the id in the path of a change, for Options.Audit.
func (x *exchange) target() string {
	return cmp.Or(x.r.PathValue("run"), x.r.PathValue("id"), x.r.PathValue("name"), x.r.PathValue("job"))
}

// admit returns why a request is refused before it is looked at, or nil.
func (x *exchange) admit(route route) error {
	switch {
	case x.access.May(route.needs):
		if err := x.crossing.Check(x.r); err != nil {
			return refusal{http.StatusForbidden, "This request came from another site", "Open the page here and try again. If the form belongs on that site, the application adds its origin to Options.TrustedOrigins."}
		}
		return nil
	case !x.access.May(AccessView):
		return refusal{http.StatusForbidden, "You have no access", "Ask the people who run this application for access."}
	default:
		return refusal{http.StatusForbidden, "You may not do this", "This needs the level " + route.needs.String() + ", and you have " + x.access.String() + "."}
	}
}
