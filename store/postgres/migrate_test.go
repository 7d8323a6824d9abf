package postgres_test

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/postgres"
)

func TestMigrate_AllNodesAtOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	const nodes = 8
	pools := make([]*pgxpool.Pool, nodes)
	for i := range pools {
		pools[i] = newPool(t, url, nil)
	}
	errs := make([]error, nodes)
	var wg sync.WaitGroup
	for i := range nodes {
		s := newStore(t, pools[i], postgres.Options{})
		wg.Go(func() { errs[i] = s.Migrate(t.Context()) })
	}
	wg.Wait()
	for _, err := range errs {
		assert.NoError(t, err)
	}
	var applied int
	require.NoError(t, pools[0].QueryRow(t.Context(), `SELECT count(*) FROM automation.migrations`).Scan(&applied))
	known, err := postgres.Migrations("")
	require.NoError(t, err)
	assert.Len(t, known, applied)
}

func TestMigrate_AgainChangesNothing(t *testing.T) {
	t.Parallel()
	pool := newPool(t, pgtest.URL(t), nil)
	s := newStore(t, pool, postgres.Options{})
	require.NoError(t, s.Migrate(t.Context()))
	require.NoError(t, s.InsertContact(t.Context(), automation.Contact{ID: "a", Email: "a@example.com"}))
	require.NoError(t, s.Migrate(t.Context()))
	_, err := s.FindContact(t.Context(), automation.ContactRef{ID: "a"})
	assert.NoError(t, err)
}

func TestMigrations_AppliedByHandAreRecognised(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{"", "user", "flows_2"} {
		t.Run("schema "+schema, func(t *testing.T) {
			t.Parallel()
			pool := newPool(t, pgtest.URL(t), nil)
			all, err := postgres.Migrations(schema)
			require.NoError(t, err)
			for _, m := range all {
				conn, err := pool.Acquire(t.Context())
				require.NoError(t, err)
				_, err = conn.Conn().PgConn().Exec(t.Context(), m.SQL).ReadAll()
				conn.Release()
				require.NoError(t, err)
			}
			s := newStore(t, pool, postgres.Options{Schema: schema})
			_, err = s.NextDue(t.Context())
			require.NoError(t, err)
			assert.NoError(t, s.Migrate(t.Context()))
		})
	}
}

func TestStore_ErrorsAboutTablesNameTheRemedy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare string
		want    string // in the message; "" if the store works
	}{
		"there are none": {``, "call Migrate"},
		"they are older": {`DELETE FROM automation.migrations`, "call Migrate"},
		"they are newer, and this process can work":   {`INSERT INTO automation.migrations VALUES (99, 'next', 1)`, ""},
		"they are newer, and this process is too old": {`INSERT INTO automation.migrations VALUES (99, 'next', 99)`, "upgrade it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := newPool(t, pgtest.URL(t), nil)
			if c.prepare != "" {
				require.NoError(t, newStore(t, pool, postgres.Options{}).Migrate(t.Context()))
				execute(t, pool, c.prepare)
			}
			s := newStore(t, pool, postgres.Options{})
			_, err := s.Claim(t.Context(), automation.ClaimParams{Limit: 1})
			if c.want == "" {
				require.NoError(t, err)
				assert.NoError(t, s.Migrate(t.Context()))
				return
			}
			require.ErrorIs(t, err, automation.ErrSchema)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestStore_WorksAsSoonAsTheTablesExist(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	early := newStore(t, newPool(t, url, nil), postgres.Options{})
	_, err := early.NextDue(t.Context())
	require.ErrorIs(t, err, automation.ErrSchema)
	require.NoError(t, newStore(t, newPool(t, url, nil), postgres.Options{}).Migrate(t.Context()))
	_, err = early.NextDue(t.Context())
	assert.NoError(t, err)
}

func TestMigrate_WithoutTheRightToCreateSchemas(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	owner := newPool(t, url, nil)
	role := freshRole(t, owner)
	execute(t, owner, `CREATE SCHEMA automation AUTHORIZATION `+role)
	pool := newPool(t, url, func(c *pgxpool.Config) { c.ConnConfig.RuntimeParams["role"] = role })
	assert.NoError(t, newStore(t, pool, postgres.Options{}).Migrate(t.Context()))
}

// freshRole returns a role without rights. It is dropped at the end of the test.
func freshRole(tb testing.TB, owner *pgxpool.Pool) string {
	tb.Helper()
	role := "automation_test_" + strings.ToLower(rand.Text())
	execute(tb, owner, `CREATE ROLE `+role)
	tb.Cleanup(func() {
		_, err := owner.Exec(context.WithoutCancel(tb.Context()), `DROP OWNED BY `+role+`; DROP ROLE `+role, pgx.QueryExecModeSimpleProtocol)
		require.NoError(tb, err)
	})
	return role
}

func TestNew_RefusesInvalidArguments(t *testing.T) {
	t.Parallel()
	pool := newPool(t, pgtest.URL(t), nil)
	for _, schema := range []string{"Automation", "1st", "a-b", `a"b`, "a b", "ä", "a234567890123456789012345678901234567890123456789012345678901234"} {
		_, err := postgres.New(pool, postgres.Options{Schema: schema})
		assert.ErrorIs(t, err, automation.ErrInvalid, schema)
	}
	_, err := postgres.New(nil, postgres.Options{})
	assert.ErrorIs(t, err, automation.ErrInvalid)
}
