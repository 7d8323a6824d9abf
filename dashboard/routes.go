package dashboard

import "slices"

// maxBody is how many bytes a form may have. An automation of 150 steps has about 30 KB.
const maxBody = 1 << 20

// route is what the Handler does for the requests of a pattern.
type route struct {
	pattern string // of http.ServeMux, with the method
	needs   Access
	do      func(*exchange) error
	// action is the name of the change for Options.Audit, and empty if there is none. The
	// request then has a form.
	action string
}

// audited returns a route that makes a change.
func (r route) audited(action string) route {
	r.action = action
	return r
}

// view, operate and edit return a route that needs this level.
func view(pattern string, do func(*exchange) error) route {
	return route{pattern: pattern, needs: AccessView, do: do}
}
func operate(pattern string, do func(*exchange) error) route {
	return route{pattern: pattern, needs: AccessOperate, do: do}
}
func edit(pattern string, do func(*exchange) error) route {
	return route{pattern: pattern, needs: AccessEdit, do: do}
}

// routes returns all routes. Each needs a level of access: there is no other check.
func (h *Handler) routes() []route {
	return slices.Concat(
		[]route{view("/", (*exchange).nothing)},
		automationRoutes,
		contactRoutes,
		eventRoutes,
		h.templateRoutes(),
		h.emailRoutes(),
		searchRoutes,
		versionRoutes,
		editRoutes,
		runRoutes,
	)
}

// nothing answers a request for which there is no route.
func (x *exchange) nothing() error { return notFound("page") }
