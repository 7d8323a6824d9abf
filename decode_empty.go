package automation

import (
	"reflect"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// An object without content is refused where it would mean the same as an absent one: most
// likely a client lost the content, and what is absent is written by leaving it out.

// strict sets s to the shape of a struct of type t, and lets check look at each object that
// is decoded strictly.
func (m shapes) strict(s *shape, t reflect.Type, check func(r *reader, n int)) error {
	if err := m.structure(s, t); err != nil {
		return err
	}
	s.read = func(r *reader, n int, v reflect.Value) {
		s.readStruct(r, n, v)
		if !r.lenient && r.doc.Kind(n) == jsondoc.Object {
			check(r, n)
		}
	}
	return nil
}

// refuseEmpty adds a problem if object n, which is the value of name, has no content.
func (r *reader) refuseEmpty(n int, name string) {
	if r.isEmptyObject(n) {
		r.report(n, CodeMissingField, "the %s is empty: give it a field, or leave %s out", name, name)
	}
}

// refuseEmptyRule adds a problem if object n has a rule of this name without content. effect
// is what happens without the rule.
func (r *reader) refuseEmptyRule(n int, name, effect string) {
	if rule := r.doc.Member(n, name); rule >= 0 && r.isEmptyObject(rule) {
		r.report(rule, CodeInvalidRule, "the rule is empty: give it a field and an operator, or leave %s out %s", name, effect)
	}
}

// refuseEmptyFilter adds a problem if object n has a filter_rule without content.
func (r *reader) refuseEmptyFilter(n int) {
	r.refuseEmptyRule(n, "filter_rule", "to match every event")
}

// isEmptyObject reports whether node n is an object without a value except null.
func (r *reader) isEmptyObject(n int) bool {
	if r.doc.Kind(n) != jsondoc.Object {
		return false
	}
	for _, value := range r.doc.Members(n) {
		if r.doc.Kind(value) != jsondoc.Null {
			return false
		}
	}
	return true
}
