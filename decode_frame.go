package automation

import (
	"reflect"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// strict sets s to the shape of a struct of type t, and lets check look at each object that
// was decoded strictly. It refuses an empty object, and empty rules: most likely a client lost
// their content, and what is absent is written by leaving it out.
func (m shapes) strict(s *shape, t reflect.Type, name string, check func(r *reader, n int)) error {
	if err := m.structure(s, t); err != nil {
		return err
	}
	s.read = func(r *reader, n int, v reflect.Value) {
		s.readStruct(r, n, v)
		if r.lenient || r.doc.Kind(n) != jsondoc.Object {
			return
		}
		if r.isEmptyObject(n) {
			r.report(n, CodeMissingField, "the %s is empty: give it a field, or leave %s out", name, name)
		}
		if check != nil {
			check(r, n)
		}
	}
	return nil
}

// refuseEmptyRule adds a problem if object n has a rule of this name without content.
func (r *reader) refuseEmptyRule(n int, name, effect string) {
	if rule := r.doc.Member(n, name); rule >= 0 && r.isEmptyObject(rule) {
		r.report(rule, CodeInvalidRule, "the rule is empty: give it a field and an operator, or leave %s out %s", name, effect)
	}
}

func (m shapes) entry(s *shape) error {
	return m.strict(s, reflect.TypeFor[Entry](), "entry", func(r *reader, n int) {
		r.refuseEmptyFilter(n)
		r.refuseEmptyRule(n, "audience_rule", "to let every contact in")
	})
}

func (m shapes) entryTrigger(s *shape) error {
	return m.strict(s, reflect.TypeFor[EntryTrigger](), "trigger", (*reader).refuseEmptyFilter)
}

func (m shapes) exit(s *shape) error {
	return m.strict(s, reflect.TypeFor[Exit](), "exit", func(r *reader, n int) {
		r.refuseEmptyRule(n, "while_rule", "to let every run go on")
	})
}

func (m shapes) reentry(s *shape) error {
	return m.strict(s, reflect.TypeFor[Reentry](), "reentry", func(r *reader, n int) {
		if limit := r.doc.Member(n, "limit"); limit >= 0 && r.doc.Kind(limit) == jsondoc.Number && r.doc.Literal(limit) == "0" {
			r.report(limit, CodeInvalidReentry, "a limit of 0 starts no run: disable the automation instead, or leave limit out")
		}
	})
}
