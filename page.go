package automation

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// maxPage is the most items on a page.
const maxPage = 100

// PageQuery selects a page of a list, whose order is from newest to oldest.
type PageQuery struct {
	// Limit is the most items on the page, between 1 and 100. Zero means 20.
	Limit int
	// After selects the items older than the item with this id, and Before the items
	// newer than it. At most one of them may be set. The item itself is not on the
	// page.
	After, Before string
}

// Page is a page of a list, newest first. Each reads a list page by page.
type Page[T any] struct {
	Data []T
	// HasMore reports whether the list has more items in the direction of the query.
	HasMore bool
}

// Check sets a zero Limit to its default. It returns a *ValidationError if the query
// is invalid. A Runner checks every query before it calls its Store. Other code that
// serves pages of lists can do the same.
func (q *PageQuery) Check() error {
	var ps Problems
	if q.Limit == 0 {
		q.Limit = 20
	}
	if q.Limit < 1 || q.Limit > maxPage {
		ps.Add(CodeLimit, "limit", "must be between 1 and 100")
	}
	if q.After != "" && q.Before != "" {
		ps.Add(CodeInvalidCursor, "before", "after and before cannot be used together")
	}
	if flaw := textFlaw(q.After + q.Before); flaw != "" {
		ps.Add(CodeInvalidCursor, "after", "the id at which the page begins %s", flaw)
	}
	return ps.Err("page")
}

// Each returns a sequence of the items that q selects, from newest to oldest. list is a method
// of a Runner or of a Store that returns a page of them:
//
//	for run, err := range automation.Each(ctx, runner.ListRuns, automation.RunQuery{EventName: "order.paid"}) {
//
// The sequence reads the list anew each time that it is walked, and reads a page when the walk
// needs it. q.Limit is the size of a page, 100 by default. Items that are added during a walk
// do not come, and those that are deleted do not end it. A list of runs by their completion
// begins anew if the run at which a page ended goes on before the next page is read.
//
// An error is the last element of the sequence: the error of list, or that of ctx if it has
// ended. The error wraps ErrInvalid if q has a Before, and ErrConflict if all items of a page
// were deleted before the next one was read.
func Each[T listed, Q any, P pagedQuery[Q]](ctx context.Context, list func(context.Context, Q) (Page[T], error), q Q) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		q := q // of this walk
		selected := P(&q).page()
		read := func(after string) (Page[T], error) {
			if err := ctx.Err(); err != nil {
				return Page[T]{}, err
			}
			selected.After = after
			return list(ctx, q)
		}
		var page Page[T]
		err := selected.forEach()
		if err == nil {
			page, err = read(selected.After)
		}
		for err == nil {
			for _, item := range page.Data {
				if !yield(item, nil) {
					return
				}
			}
			if !page.HasMore || len(page.Data) == 0 {
				return
			}
			page, err = nextPage(page.Data, read)
		}
		var none T
		yield(none, err)
	}
}

// forEach makes q select pages for Each.
func (q *PageQuery) forEach() error {
	var ps Problems
	if q.Before != "" {
		ps.Add(CodeInvalidCursor, "before", "the order is from the newest item to the oldest: use after")
	}
	if q.Limit == 0 {
		q.Limit = maxPage
	}
	return ps.Err("page")
}

// nextPage returns the page after these items. The last of them may have been deleted since:
// then the page begins after the last one that is still there.
func nextPage[T listed](items []T, read func(after string) (Page[T], error)) (Page[T], error) {
	for i := len(items) - 1; i >= 0; i-- {
		page, err := read(items[i].cursor())
		if !errors.Is(err, ErrNotFound) {
			return page, err
		}
	}
	return Page[T]{}, fmt.Errorf("automation: %d items were deleted while they were listed: begin again: %w", len(items), ErrConflict)
}

// listed is an item of a list.
type listed interface {
	cursor() string // for PageQuery.After and Before
}

// pagedQuery is a pointer to a PageQuery, or to a query in which one is embedded.
type pagedQuery[Q any] interface {
	*Q
	page() *PageQuery
}

func (q *PageQuery) page() *PageQuery { return q }

func (r Run) cursor() string             { return r.ID }
func (a Automation) cursor() string      { return a.ID }
func (e EventRecord) cursor() string     { return e.ID }
func (d EventDefinition) cursor() string { return d.ID }
func (c Contact) cursor() string         { return c.ID }
func (p ContactProperty) cursor() string { return p.ID }
func (s Segment) cursor() string         { return s.ID }
