package record_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation/store/internal/record"
)

func TestTally_ChangesAreSortedAndNotZero(t *testing.T) {
	t.Parallel()
	tally := record.Tally[record.RunGroup]{}
	in := func(step string, status int16) *record.RunGroup {
		return &record.RunGroup{AutomationNo: 1, Version: 2, Status: status, Step: step}
	}
	const running, completed, failed = 0, 1, 2
	tally.Move(nil, in("a", running))
	tally.Move(in("a", running), in("b", running))
	tally.Move(in("b", running), in("b", completed))
	tally.Move(nil, in("a", running))
	tally.Move(in("c", failed), nil)
	assert.Equal(t, []record.Delta[record.RunGroup]{
		{Key: *in("a", running), N: 1},
		{Key: *in("b", completed), N: 1},
		{Key: *in("c", failed), N: -1},
	}, tally.Changes(record.RunGroup.Compare))
}
