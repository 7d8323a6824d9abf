package dashboard

// notices are what a page shows after a form was handled, by the value of "done" in its
// query. A link cannot put other words on a page.
var notices = map[string]string{
	"contact-erased":     "The contact is erased.",
	"definition-created": "The event definition is created.",
	"definition-saved":   "The schema is saved. It applies to the events that are sent from now on.",
	"definition-deleted": "The event definition is deleted. Events with this name are accepted with any payload.",
	"event-known":        "This event was sent before with the same idempotency key. Nothing was sent again.",
}

// notice returns what the page shows after a form was handled, or "".
func (x *exchange) notice() string { return notices[x.r.URL.Query().Get("done")] }
