package automation

import (
	"context"
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
		compiled, err := r.compileContactRule(rule)
		if err != nil {
			yield(ContactRef{}, err)
			return
		}
		for c, err := range Each(ctx, r.ListContacts, ContactQuery{Segment: segment}) {
			if err != nil {
				yield(ContactRef{}, err)
				return
			}
			if c.CreatedAt.After(until) || !holdsFor(compiled, &c, until) {
				continue
			}
			if !yield(ContactRef{ID: c.ID}, nil) {
				return
			}
		}
	}
}

// compileContactRule compiles a rule that reads a contact only. It returns nil for the zero
// Rule.
func (r *Runner) compileContactRule(rule Rule) (*CompiledRule, error) {
	if rule.IsZero() {
		return nil, nil
	}
	compiled, err := CompileRule(rule, RuleOptions{Limits: r.opts.Limits})
	if err != nil {
		return nil, err
	}
	var problems Problems
	for i := range compiled.leaves {
		leaf := &compiled.leaves[i]
		for _, p := range []*path{&leaf.field, leaf.reference()} {
			if p != nil && p.scope != scopeContact {
				problems.Add(CodeInvalidReference, "rule", "%s is no field of a contact: write contact.<field>", jsondoc.Quote(p.String()))
			}
		}
	}
	return compiled, problems.Err("contacts")
}

// reference returns the path that the comparison reads as its other operand, or nil.
func (l *ruleLeaf) reference() *path {
	if l.other == nil {
		return nil
	}
	return l.other.ref
}

// holdsFor reports whether the rule, which may be nil, holds for the contact.
func holdsFor(rule *CompiledRule, c *Contact, now time.Time) bool {
	if rule == nil {
		return true
	}
	held, err := rule.eval(&Data{Contact: c, Now: now}, nil)
	return held && err == nil
}
