package automation

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// ContactsWhere returns a sequence of the contacts that are in a segment and for which a rule
// holds, from newest to oldest, for StartMany. An empty segment means all contacts, and the zero
// Rule holds for all of them. The rule reads fields that begin with contact. only. A contact for
// which it cannot be evaluated is left out.
//
// The sequence reads the contacts anew, page by page, each time that it is walked, and leaves
// out those that were created after the call of ContactsWhere. It ends with an error if the
// segment or the rule is invalid, if ctx has ended, or if contacts cannot be listed: with
// Options.Contacts, the directory must be a ContactSearcher.
func (r *Runner) ContactsWhere(ctx context.Context, segment string, rule Rule) iter.Seq2[ContactRef, error] {
	until := r.now()
	return func(yield func(ContactRef, error) bool) {
		w := contactWalk{r: r, query: ContactQuery{Segment: segment, PageQuery: PageQuery{Limit: 100}}, until: until, yield: yield}
		err := w.compile(rule)
		if err == nil {
			err = w.walk(ctx)
		}
		if err != nil {
			yield(ContactRef{}, err)
		}
	}
}

// contactWalk is one walk over contacts.
type contactWalk struct {
	r     *Runner
	query ContactQuery
	rule  *CompiledRule // nil: holds for all
	until time.Time
	page  []Contact // the last one
	yield func(ContactRef, error) bool
}

func (w *contactWalk) compile(rule Rule) error {
	if rule.IsZero() {
		return nil
	}
	var err error
	if w.rule, err = CompileRule(rule, RuleOptions{Limits: w.r.opts.Limits}); err != nil {
		return err
	}
	var problems Problems
	for i := range w.rule.leaves {
		leaf := &w.rule.leaves[i]
		for _, p := range []*path{&leaf.field, leaf.reference()} {
			if p != nil && p.scope != scopeContact {
				problems.Add(CodeInvalidReference, "rule", "%s is no field of a contact: write contact.<field>", jsondoc.Quote(p.String()))
			}
		}
	}
	return problems.Err("contacts")
}

// reference returns the path that the comparison reads as its other operand, or nil.
func (l *ruleLeaf) reference() *path {
	if l.other == nil {
		return nil
	}
	return l.other.ref
}

func (w *contactWalk) walk(ctx context.Context) error {
	for {
		page, err := w.next(ctx)
		if err != nil {
			return err
		}
		for i := range page.Data {
			c := &page.Data[i]
			if !w.wants(c) {
				continue
			}
			if !w.yield(ContactRef{ID: c.ID}, nil) {
				return nil
			}
		}
		if !page.HasMore || len(page.Data) == 0 {
			return nil
		}
	}
}

// wants reports whether the contact is one of the sequence.
func (w *contactWalk) wants(c *Contact) bool {
	if c.CreatedAt.After(w.until) {
		return false
	}
	if w.rule == nil {
		return true
	}
	held, err := w.rule.eval(&Data{Contact: c, Now: w.until}, nil)
	return held && err == nil
}

// next returns the contacts of the next page, without those of the page before. The contact at
// which the page before ended may have been deleted. Then the next page begins at the last
// contact before it that is there still.
func (w *contactWalk) next(ctx context.Context) (Page[Contact], error) {
	if len(w.page) == 0 {
		page, err := w.list(ctx, "")
		w.page = page.Data
		return page, err
	}
	for i := len(w.page) - 1; i >= 0; i-- {
		page, err := w.list(ctx, w.page[i].ID)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return page, err
		}
		known := map[string]bool{}
		for _, c := range w.page[i:] {
			known[c.ID] = true
		}
		fresh := page
		fresh.Data = nil
		for _, c := range page.Data {
			if !known[c.ID] {
				fresh.Data = append(fresh.Data, c)
			}
		}
		w.page = page.Data
		return fresh, nil
	}
	return Page[Contact]{}, fmt.Errorf("automation: contacts: %d contacts were deleted while they were listed: call again: %w", len(w.page), ErrConflict)
}

func (w *contactWalk) list(ctx context.Context, after string) (Page[Contact], error) {
	if err := ctx.Err(); err != nil {
		return Page[Contact]{}, err
	}
	w.query.After = after
	return w.r.ListContacts(ctx, w.query)
}
