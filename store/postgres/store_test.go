package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/postgres"
	"github.com/seed-b636437c/automation/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	schemas := newSchemas(t, url)
	storetest.Run(t, func(tb testing.TB) storetest.Target {
		return schemas.target(tb, url, postgres.Options{}, nil)
	})
}

func TestStore_WithoutPreparedStatements(t *testing.T) {
	t.Parallel()
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			url := pgtest.URL(t)
			schemas := newSchemas(t, url)
			storetest.Run(t, func(tb testing.TB) storetest.Target {
				return schemas.target(tb, url, postgres.Options{PollOnly: true}, func(c *pgxpool.Config) {
					c.ConnConfig.DefaultQueryExecMode = mode
				})
			})
		})
	}
}

// TestStore_BehindAPooler runs the suite with a pooler that gives every transaction
// another session.
func TestStore_BehindAPooler(t *testing.T) {
	t.Parallel()
	database := pgtest.URL(t)
	url, schemas := pgtest.Bouncer(t, database), newSchemas(t, database)
	storetest.Run(t, func(tb testing.TB) storetest.Target {
		return schemas.target(tb, url, postgres.Options{PollOnly: true}, func(c *pgxpool.Config) {
			c.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
		})
	})
}
