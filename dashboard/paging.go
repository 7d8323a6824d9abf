package dashboard

import (
	"html/template"

	"github.com/seed-b636437c/automation"
)

// pageSize is how many rows a list has.
const pageSize = 50

// pageQuery returns the page that the query selects.
func (x *exchange) pageQuery() automation.PageQuery {
	query := x.r.URL.Query()
	return automation.PageQuery{Limit: pageSize, After: query.Get("after"), Before: query.Get("before")}
}

// pager has the links of a list to the pages of newer and of older items. A link is empty if
// there is no such page.
type pager struct{ Newer, Older template.URL }

// pagerOf returns the pager of the list that the query of the page selects. The filters of
// the page stay in the links.
func pagerOf[T any](x *exchange, found automation.Page[T], id func(T) string) (p pager) {
	n := len(found.Data)
	if n == 0 {
		return p
	}
	q := x.pageQuery()
	back := q.Before != "" // HasMore then means that there are more newer items
	if q.After != "" || back && found.HasMore {
		p.Newer = x.neighbour("before", id(found.Data[0]))
	}
	if back || found.HasMore {
		p.Older = x.neighbour("after", id(found.Data[n-1]))
	}
	return p
}

// neighbour returns the link to this page with another cursor.
func (x *exchange) neighbour(direction, id string) template.URL {
	query := x.r.URL.Query()
	query.Del("after")
	query.Del("before")
	query.Set(direction, id)
	return template.URL("?" + query.Encode())
}
