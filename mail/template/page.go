package template

import (
	"maps"
	"slices"

	"github.com/seed-b636437c/automation"
)

// newest returns all entries, newest first.
func (l *Library) newest() []*entry {
	return slices.SortedFunc(maps.Values(l.entries), func(a, b *entry) int { return b.number - a.number })
}

// pageOf returns a page of all entries. cursor is the entry at which the page begins, or
// nil if the query has none.
func pageOf(all []*entry, cursor *entry, q automation.PageQuery) automation.Page[Template] {
	at := slices.Index(all, cursor)
	rest, more := all[at+1:], false
	if q.Before != "" {
		rest = all[:at]
	}
	if len(rest) > q.Limit {
		more = true
		if q.Before != "" {
			rest = rest[len(rest)-q.Limit:]
		} else {
			rest = rest[:q.Limit]
		}
	}
	page := automation.Page[Template]{HasMore: more}
	for _, e := range rest {
		page.Data = append(page.Data, e.view())
	}
	return page
}
