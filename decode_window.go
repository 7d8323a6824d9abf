package automation

import "reflect"

func (m shapes) window(s *shape) error {
	return m.strict(s, reflect.TypeFor[Window](), func(r *reader, n int) {
		if r.isEmptyObject(n) {
			r.report(n, CodeInvalidWindow, `the window is empty: give it hours, such as {"from": "09:00", "to": "17:00"}`)
		}
	})
}
