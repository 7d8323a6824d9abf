package automation

import (
	"reflect"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

func (m shapes) entry(s *shape) error {
	return m.strict(s, reflect.TypeFor[Entry](), func(r *reader, n int) {
		r.refuseEmpty(n, "entry")
		r.refuseEmptyFilter(n)
		r.refuseEmptyRule(n, "audience_rule", "to let every contact in")
	})
}

func (m shapes) entryTrigger(s *shape) error {
	return m.strict(s, reflect.TypeFor[EntryTrigger](), func(r *reader, n int) {
		r.refuseEmpty(n, "trigger")
		r.refuseEmptyFilter(n)
	})
}

func (m shapes) exit(s *shape) error {
	return m.strict(s, reflect.TypeFor[Exit](), func(r *reader, n int) {
		r.refuseEmpty(n, "exit")
		r.refuseEmptyRule(n, "while_rule", "to let every run go on")
	})
}

func (m shapes) reentry(s *shape) error {
	return m.strict(s, reflect.TypeFor[Reentry](), func(r *reader, n int) {
		r.refuseEmpty(n, "reentry")
		if limit := r.doc.Member(n, "limit"); limit >= 0 && r.doc.Kind(limit) == jsondoc.Number && r.doc.Literal(limit) == "0" {
			r.report(limit, CodeInvalidReentry, "a limit of 0 starts no run: disable the automation instead, or leave limit out")
		}
	})
}
