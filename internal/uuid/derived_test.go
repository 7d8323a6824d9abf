package uuid_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation/internal/uuid"
)

func TestDerived_DependsOnItsArgumentsOnly(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 9, 0, 0, 123_456_789, time.UTC)
	assert.Equal(t, "019cadc6-9afb-7b90-80ca-22c40ed127e9", uuid.Derived(at, 3, "run", "step"))
	ids := map[string]bool{}
	for _, id := range []string{
		uuid.Derived(at, 0, "run", "step"), uuid.Derived(at, 0, "run", "step"), uuid.Derived(at, 0, "runs", "tep"),
		uuid.Derived(at, 0, "run"), uuid.Derived(at, 1, "run", "step"), uuid.Derived(at.Add(time.Microsecond), 0, "run", "step"),
	} {
		ids[id] = true
	}
	assert.Len(t, ids, 5)
}

func TestDerived_IsInOrder(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	source := uuid.NewSource(nil)
	var ids []string
	for micro := range 1000 {
		for n := range uint8(3) {
			ids = append(ids, uuid.Derived(at.Add(time.Duration(micro)*time.Microsecond), n, "run", "step"))
		}
	}
	ids = append(ids, uuid.Derived(at.Add(999*time.Microsecond), 255, "run", "step"))
	assert.True(t, slices.IsSorted(ids))
	assert.Less(t, source.Next(at), ids[0])
	assert.Less(t, ids[len(ids)-1], source.Next(at.Add(time.Millisecond)))
	assert.Less(t, uuid.Below(at), ids[0])
	assert.Less(t, ids[len(ids)-1], uuid.Below(at.Add(time.Millisecond)))
	for _, id := range ids {
		assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, id)
	}
}
