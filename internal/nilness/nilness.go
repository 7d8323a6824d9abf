// Package nilness finds interfaces that are not nil but hold nil.
package nilness

import "reflect"

// Hidden reports whether an interface holds a nil pointer, map, function or channel. Such an
// interface is not nil itself, so the mistake would show only at the first call through it,
// which panics.
func Hidden(dependency any) bool {
	v := reflect.ValueOf(dependency)
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan:
		return v.IsNil()
	}
	return false
}
