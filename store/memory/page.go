package memory

import (
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// page returns a page of the items for which keep returns true, newest first. The
// items are in order of creation. The cursor may be an item that keep leaves out.
func page[T, R any](items []T, q automation.PageQuery, kind string, id func(T) string, keep func(T) bool, convert func(T) R) (automation.Page[R], error) {
	cursor := -1
	if c := q.After + q.Before; c != "" {
		cursor = slices.IndexFunc(items, func(t T) bool { return id(t) == c })
		if cursor < 0 {
			return automation.Page[R]{}, record.NotFound(kind, c)
		}
	}
	return pageFrom(items, q, cursor, keep, convert), nil
}

// position returns the index of a cursor for pageFrom. items are sorted by compare, which
// compares an item with the cursor. The cursor need not be one of them.
func position[T any](items []T, q automation.PageQuery, compare func(T) int) int {
	i, found := slices.BinarySearchFunc(items, 0, func(t T, _ int) int { return compare(t) })
	if !found && q.Before != "" {
		i--
	}
	return i
}

// pageFrom is page for a cursor whose index in items is known.
func pageFrom[T, R any](items []T, q automation.PageQuery, cursor int, keep func(T) bool, convert func(T) R) automation.Page[R] {
	var p automation.Page[R]
	next, step := len(items)-1, -1
	switch {
	case q.After != "":
		next = cursor - 1
	case q.Before != "":
		next, step = cursor+1, 1
	}
	for ; next >= 0 && next < len(items); next += step {
		if !keep(items[next]) {
			continue
		}
		if len(p.Data) == q.Limit {
			p.HasMore = true
			break
		}
		p.Data = append(p.Data, convert(items[next]))
	}
	if step > 0 {
		slices.Reverse(p.Data)
	}
	return p
}
