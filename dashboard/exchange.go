package dashboard

import (
	"cmp"
	"context"
	"net/http"

	"github.com/seed-b636437c/automation"
)

// exchange is one request and its answer.
type exchange struct {
	*Handler
	w      http.ResponseWriter
	r      *http.Request
	ctx    context.Context
	access Access
	actor  string // "" if it is unknown
	to     linker
	// names are those of the newest automations by their ids, once they are read.
	names map[string]string
	// audited means that Options.Audit has an entry about the request.
	audited bool
}

// serve answers the requests of one route.
func (h *Handler) serve(route route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{Handler: h, w: w, r: r, access: h.accessOf(r), actor: h.actorOf(r), to: linkerOf(r)}
		x.ctx = automation.WithActor(r.Context(), x.actor) // versions of automations have an author
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
