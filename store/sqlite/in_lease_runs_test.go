package sqlite_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/store/internal/inleasetest"
)

func TestInLeaseRuns(t *testing.T) {
	t.Parallel()
	inleasetest.Run(t, func(t *testing.T) inleasetest.Opened {
		s, db := fresh(t)
		return inleasetest.Opened{
			Store: s,
			Rows: func() (rows [3]int) {
				require.NoError(t, db.QueryRow(`SELECT (SELECT count(*) FROM automation_begun_runs),
					(SELECT count(*) FROM automation_active_runs), (SELECT count(*) FROM automation_ended_runs)`).Scan(&rows[0], &rows[1], &rows[2]))
				return rows
			},
			ID: func() (id string) {
				require.NoError(t, db.QueryRow("SELECT id FROM automation_runs").Scan(&id))
				return id
			},
		}
	})
}
