package record_test

import (
	"cmp"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation/store/internal/record"
)

// group names a counter.
type group struct {
	step   string
	status int16
}

func (g group) compare(o group) int {
	return cmp.Or(cmp.Compare(g.status, o.status), cmp.Compare(g.step, o.step))
}

func TestTally_ChangesAreSortedAndNotZero(t *testing.T) {
	t.Parallel()
	tally := record.Tally[group]{}
	in := func(step string, status int16) *group {
		return &group{step, status}
	}
	const running, completed, failed = 0, 1, 2
	tally.Move(nil, in("a", running))
	tally.Move(in("a", running), in("b", running))
	tally.Move(in("b", running), in("b", completed))
	tally.Move(nil, in("a", running))
	tally.Move(in("c", failed), nil)
	assert.Equal(t, []record.Delta[group]{
		{Key: *in("a", running), N: 1},
		{Key: *in("b", completed), N: 1},
		{Key: *in("c", failed), N: -1},
	}, tally.Changes(group.compare))
}
