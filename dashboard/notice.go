package dashboard

import "html/template"

// notices are what a page shows after a form was handled, by the value of "done" in its
// query. A link cannot put other words on a page.
var notices = map[string]string{
	"automation-created":    "The automation is saved. Events start runs of it once you start it.",
	"automation-deleted":    "The automation is deleted.",
	"automation-duplicated": "This is the copy. Events start runs of it once you start it.",
	"automation-saved":      "The automation is saved. New runs follow it as it is now, and runs in progress stay on their version.",
	"automation-started":    "The automation is started. Its event starts runs from now on.",
	"contact-erased":        "The contact is erased.",
	"definition-created":    "The event definition is created.",
	"definition-saved":      "The schema is saved. It applies to the events that are sent from now on.",
	"definition-deleted":    "The event definition is deleted. Events with this name are accepted with any payload.",
	"event-known":           "This event was sent before with the same idempotency key. Nothing was sent again.",
	"event-sent":            "The event is sent.",
	"run-cancelled":         "The run is cancelled. It ends before its next step.",
	"run-retried":           "The run was retried from the step that failed. This page shows how it goes on.",
	"runs-cancelled":        "The automation is stopped, and its runs in progress are cancelled.",
}

// Notice returns what the page shows after a form was handled, or "".
func (p page) Notice() string { return notices[p.x.r.URL.Query().Get("done")] }

// done redirects after a form was handled, to a page that confirms it with a notice.
func (x *exchange) done(link template.URL, notice string) error {
	return x.seeOther(x.to.With(link, "done", notice))
}
