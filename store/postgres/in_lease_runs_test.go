package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/internal/inleasetest"
	"github.com/seed-b636437c/automation/store/postgres"
)

func TestInLeaseRuns(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	schemas := newSchemas(t, url)
	inleasetest.Run(t, func(t *testing.T) inleasetest.Opened {
		schema := schemas.take(t)
		pool := newPool(t, url, nil)
		s := newStore(t, pool, postgres.Options{Schema: schema})
		require.NoError(t, s.Migrate(t.Context()))
		return inleasetest.Opened{
			Store: s, Parks: true,
			Rows: func() (rows [3]int) {
				require.NoError(t, pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM `+schema+`.begun_runs),
					(SELECT count(*) FROM `+schema+`.active_runs), (SELECT count(*) FROM `+schema+`.ended_runs)`).Scan(&rows[0], &rows[1], &rows[2]))
				return rows
			},
			ID: func() (id string) {
				require.NoError(t, pool.QueryRow(t.Context(), "SELECT id FROM "+schema+".runs").Scan(&id))
				return id
			},
		}
	})
}
