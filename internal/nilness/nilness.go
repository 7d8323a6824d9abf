// Package nilness finds interface values that are not nil but hold a nil value.
package nilness

import "reflect"

// Hidden reports whether dependency holds a nil pointer, map, function or channel. Such
// a dependency is not nil itself, and without this check only the first call of a
// method would panic.
func Hidden(dependency any) bool {
	v := reflect.ValueOf(dependency)
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan:
		return v.IsNil()
	}
	return false
}
