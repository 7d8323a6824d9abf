package memory_test

import (
	"testing"

	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(testing.TB) storetest.Target { return storetest.Sole(memory.New()) })
}
