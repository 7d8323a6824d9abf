package automation

import (
	"reflect"
)

// window sets s to the shape of a Window. It refuses an empty object: most likely a client
// lost its content, and an absent window is written by leaving it out.
func (m shapes) window(s *shape) error {
	if err := m.structure(s, reflect.TypeFor[Window]()); err != nil {
		return err
	}
	s.read = func(r *reader, n int, v reflect.Value) {
		s.readStruct(r, n, v)
		if !r.lenient && r.isEmptyObject(n) {
			r.report(n, CodeInvalidWindow, `the window is empty: give it hours, such as {"from": "09:00", "to": "17:00"}`)
		}
	}
	return nil
}
