package nilness_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation/internal/nilness"
)

func TestHidden(t *testing.T) {
	t.Parallel()
	for _, hidden := range []any{(*int)(nil), map[string]int(nil), (func())(nil), (chan int)(nil)} {
		assert.True(t, nilness.Hidden(hidden), "%T", hidden)
	}
	for _, other := range []any{nil, new(int), map[string]int{}, func() {}, make(chan int), 0, "", struct{}{}, []int(nil)} {
		assert.False(t, nilness.Hidden(other), "%T", other)
	}
}
