package memory_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(testing.TB) storetest.Target {
		s := memory.New()
		return storetest.Target{
			Open: func(context.Context) (automation.Store, error) { return s, nil },
			Dump: func(context.Context) (string, error) { return dump(s), nil },
		}
	})
}

// dump returns every text that can be reached from the store, a line for each.
func dump(s *memory.Store) string {
	d := dumper{seen: map[uintptr]bool{}}
	d.value("store", reflect.ValueOf(s))
	return d.text.String()
}

type dumper struct {
	text strings.Builder
	seen map[uintptr]bool // pointers that were followed
}

func (d *dumper) value(path string, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		fmt.Fprintf(&d.text, "%s: %s\n", path, v.String())
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() || v.Kind() == reflect.Pointer && d.seen[v.Pointer()] {
			return
		}
		if v.Kind() == reflect.Pointer {
			d.seen[v.Pointer()] = true
		}
		d.value(path, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			d.value(path+"."+v.Type().Field(i).Name, v.Field(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			d.value(path+" key", key)
			d.value(path, v.MapIndex(key))
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 && v.Kind() == reflect.Slice {
			fmt.Fprintf(&d.text, "%s: %s\n", path, v.Bytes())
			return
		}
		for i := range v.Len() {
			d.value(path, v.Index(i))
		}
	}
}
