package storebench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// ListByCode lists runs by a code that ten runs have, and by a code that none has, in both
// orders of lists, and of one automation. One iteration is one list.
func ListByCode(b *testing.B, s automation.RunReader) {
	for _, c := range []struct {
		name string
		q    automation.RunQuery
		want int
	}{
		{"rare", automation.RunQuery{ErrorCode: automation.FailedTimeout}, 10},
		{"rare_of_automation", automation.RunQuery{ErrorCode: automation.FailedTimeout, AutomationID: "a1"}, 1},
		{"rare_by_end", automation.RunQuery{ErrorCode: automation.FailedTimeout, CompletedFrom: time.Unix(1, 0)}, 10},
		{"none", automation.RunQuery{ErrorCode: automation.FailedDamaged}, 0},
		{"none_by_end", automation.RunQuery{ErrorCode: automation.FailedDamaged, CompletedFrom: time.Unix(1, 0)}, 0},
		{"common", automation.RunQuery{ErrorCode: automation.FailedEffect}, 20},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.q.Limit = 20
			for b.Loop() {
				page, err := s.ListRuns(b.Context(), c.q)
				require.NoError(b, err)
				require.Len(b, page.Data, c.want)
			}
		})
	}
}
