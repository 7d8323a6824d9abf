package httpapi

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/nearest"
)

// query reads the query of a request. An empty parameter means the same as an absent one.
type query struct{ url.Values }

// checkQuery refuses a request whose query has parameters that the operation does not take:
// without its misspelled limit, a list would be another than the client means.
func (op operation) checkQuery(r *http.Request) error {
	q, err := queryOf(r)
	if err != nil {
		return err
	}
	var unknown automation.Problems
	for _, name := range slices.Sorted(maps.Keys(q.Values)) {
		if !slices.Contains(op.params, name) && !slices.Contains(op.ignored, name) {
			unknown.Add(automation.CodeUnknownField, strconv.Quote(name), "there is no such parameter: %s", op.insteadOf(r.Method, name))
		}
	}
	return unbounded(unknown.Err("query"))
}

// insteadOf returns what to do about a parameter that the operation does not take.
func (op operation) insteadOf(method, name string) string {
	near := nearest.Match(name, op.params)
	switch {
	case near != "":
		return fmt.Sprintf("did you mean %q?", near)
	case len(op.params) > 0:
		return "the parameters here are " + strings.Join(op.params, ", ")
	case method == http.MethodPost || method == http.MethodPatch:
		return "this call takes none, only fields in its body"
	default:
		return "this call takes none"
	}
}

func queryOf(r *http.Request) (query, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return query{}, invalid("", "the query of the URL is malformed")
	}
	for name, all := range values {
		for _, value := range all {
			if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
				return query{}, invalid(strconv.Quote(name), "is not a text")
			}
		}
	}
	return query{values}, nil
}

// page returns the page of a list that the query selects.
func (q query) page() (automation.PageQuery, error) {
	page := automation.PageQuery{After: q.Get("after"), Before: q.Get("before")}
	if page.After != "" && page.Before != "" {
		return page, invalid("before", "cannot be used together with after")
	}
	limit := q.Get("limit")
	if limit == "" {
		return page, nil
	}
	n, err := strconv.Atoi(limit)
	if err != nil || n < 1 || n > 100 {
		return page, invalid("limit", "must be a whole number between 1 and 100")
	}
	page.Limit = n
	return page, nil
}

// flag returns a parameter that is true or false. It is false if it is absent.
func (q query) flag(name string) (bool, error) {
	switch q.Get(name) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	default:
		return false, invalid(name, "must be true or false")
	}
}

// pageOf is page for a list without other parameters.
func pageOf(r *http.Request) (automation.PageQuery, error) {
	q, err := queryOf(r)
	if err != nil {
		return automation.PageQuery{}, err
	}
	return q.page()
}

// statuses returns the statuses that the query selects, separated by commas or given
// one by one. The error lists the known ones. No status in the query means all.
func statuses[S ~string](q query, known ...S) ([]S, error) {
	var selected []S
	for _, value := range q.Values["status"] {
		if value == "" {
			continue
		}
		for name := range strings.SplitSeq(value, ",") {
			s := S(strings.TrimSpace(name))
			if !slices.Contains(known, s) {
				return nil, invalid("status", "%q is unknown: use %s", s, alternatives(known))
			}
			selected = append(selected, s)
		}
	}
	return selected, nil
}

func alternatives[S ~string](known []S) string {
	quoted := make([]string, len(known))
	for i, s := range known {
		quoted[i] = strconv.Quote(string(s))
	}
	return strings.Join(quoted, " or ")
}

// unknownCursor turns an error of a list that wraps ErrNotFound, because the list does
// not have the item that after or before names, into a failure that names the parameter.
func unknownCursor(err error, page automation.PageQuery) error {
	name := "after"
	if page.Before != "" {
		name = "before"
	}
	if absent(err, "", "") == err {
		return err
	}
	return invalid(name, "there is nothing with the id %q in this list", page.After+page.Before)
}

// pageIn returns a page of all items of a list, newest first. The error is ErrNotFound if
// the item at which the page begins is not among them.
func pageIn[T any](all []T, q automation.PageQuery, id func(T) string) (automation.Page[T], error) {
	var page automation.Page[T]
	limit := cmp.Or(q.Limit, 20)
	if cursor := q.After + q.Before; cursor != "" {
		at := slices.IndexFunc(all, func(item T) bool { return id(item) == cursor })
		switch {
		case at < 0:
			return page, automation.ErrNotFound
		case q.After != "":
			all = all[at+1:]
		default:
			all = all[:at]
		}
	}
	page.HasMore = len(all) > limit
	if q.Before != "" {
		page.Data = all[max(0, len(all)-limit):]
	} else {
		page.Data = all[:min(limit, len(all))]
	}
	return page, nil
}
