package automation

import (
	"reflect"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// UnmarshalJSON accepts the name of a field, or an object with "event" and "run". null leaves
// m unchanged.
func (m *Match) UnmarshalJSON(data []byte) error {
	return unmarshal(data, "match", builtin().match, m)
}

func (m shapes) listener(s *shape) error {
	return m.strict(s, reflect.TypeFor[Listener](), func(r *reader, n int) {
		r.refuseEmptyFilter(n)
		if match := r.doc.Member(n, "match"); match >= 0 && r.doc.Kind(match) == jsondoc.Array && r.doc.Count(match) == 0 {
			r.report(match, CodeInvalidConfig, "the list is empty: name a field that the event and the run must have in common, "+
				"or leave match out")
		}
	})
}

// match sets s to the shape of a Match: a text or an object.
func (m shapes) match(s *shape) error {
	object, err := m.of(reflect.TypeFor[matchFields]())
	if err != nil {
		return err
	}
	s.read = func(r *reader, n int, v reflect.Value) {
		match := v.Addr().Interface().(*Match)
		switch r.doc.Kind(n) {
		case jsondoc.String:
			match.Event = r.doc.Text(n)
		case jsondoc.Object:
			var fields matchFields
			object.read(r, n, reflect.ValueOf(&fields).Elem())
			if !r.lenient && r.absent(n, "run") {
				r.reportMissing(n, "run", `the field of the run is missing: give its path, such as "trigger.cart_id"`)
			}
			*match = Match(fields)
		default:
			r.report(n, CodeWrongType, `must be the name of a field, such as "cart_id", `+
				`or {"event": "cart_id", "run": "trigger.cart_id"}, not %s`, r.doc.Kind(n))
		}
	}
	return nil
}
