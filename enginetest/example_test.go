package enginetest_test

import (
	"testing"

	"github.com/seed-b636437c/automation/enginetest"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/store/storetest"
)

// A test runs the suite on the library's own engine, with a store.
func ExampleRun() {
	_ = func(t *testing.T) {
		enginetest.Run(t, enginetest.OnStore(func(testing.TB) storetest.Target {
			return storetest.Sole(memory.New())
		}), enginetest.Given{})
	}
}
