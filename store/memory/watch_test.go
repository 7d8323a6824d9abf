package memory_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation/store/memory"
)

// Otherwise what was added before Watch has begun would wait for the next poll.
func TestWatch_WakesOnceWhenItBegins(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	wakes := 0
	err := memory.New().Watch(ctx, func() {
		wakes++
		cancel()
	})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 1, wakes)
}
