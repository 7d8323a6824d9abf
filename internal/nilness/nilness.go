// Package nilness finds dependencies that look as if they were there.
package nilness

import "reflect"

// Hidden reports whether an interface holds a nil pointer, map, function or channel.
// It is not nil itself, so that only the first call through it would panic.
func Hidden(dependency any) bool {
	v := reflect.ValueOf(dependency)
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan:
		return v.IsNil()
	}
	return false
}
