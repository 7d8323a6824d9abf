package dashboard

import (
	"context"
	"html/template"

	"github.com/seed-b636437c/automation"
)

// reading returns the context of a read, which Options.Timeout bounds.
func (x *exchange) reading() (context.Context, context.CancelFunc) {
	return context.WithTimeout(x.ctx, x.opts.Timeout)
}

// around returns the links to the pages of newer and of older items. A link is empty if
// there is no such page. The filters of the page stay in the links.
func (x *exchange) around(first, last string, q automation.PageQuery, more bool) (newer, older template.URL) {
	back := q.Before != "" // more then means that there are more newer items
	if q.After != "" || back && more {
		newer = x.neighbour("before", first)
	}
	if back || more {
		older = x.neighbour("after", last)
	}
	return newer, older
}

// neighbour returns the link to this page with another cursor.
func (x *exchange) neighbour(direction, id string) template.URL {
	query := x.r.URL.Query()
	query.Del("after")
	query.Del("before")
	query.Set(direction, id)
	return template.URL("?" + query.Encode())
}
