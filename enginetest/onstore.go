package enginetest

import (
	"context"
	"testing"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/storetest"
)

// OnStore returns the Open of the library's own engine, which is Runner.Run, on a store. fresh
// is that of storetest.Run. Each process has a handle of its own, which is closed by the
// caller.
func OnStore(fresh func(tb testing.TB) storetest.Target) Open {
	return func(tb testing.TB, mailer automation.Mailer, opts automation.Options) Engine {
		target := fresh(tb)
		var open func() Engine
		open = func() Engine {
			store, err := target.Open(context.WithoutCancel(tb.Context()))
			if err != nil {
				tb.Fatalf("open the store: %v", err)
			}
			runner, err := automation.New(store, mailer, opts)
			if err != nil {
				tb.Fatalf("make a Runner: %v", err)
			}
			return Engine{Runner: runner, Work: runner.Run, Another: open}
		}
		return open()
	}
}
