package command_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/cmd/automation/internal/command"
	"github.com/seed-b636437c/automation/internal/pgtest"
)

// reading are command lines that only read.
var reading = [][]string{
	{"automations", "welcome"}, {"runs"}, {"runs", "--status", "failed", "--ended-since", "100d"}, {"events"}, {"events", "--definitions"},
	{"contacts", "ada"}, {"contacts", "--segments"}, {"retry", "--all", "--dry-run"}, {"prune", "--older-than", "1d", "--dry-run"},
	{"migrate", "--status"}, {"doctor"},
}

// A user with the right to read the tables can use every command that reads.
func TestPostgres_ReadingNeedsSelectOnly(t *testing.T) {
	t.Parallel()
	address, store := databases["postgres"](t)
	s := newScene(t, address, store)
	parsed, err := url.Parse(address)
	require.NoError(t, err)
	role := strings.TrimPrefix(parsed.Path, "/") + "_reader"
	conn, err := pgx.Connect(t.Context(), address)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), fmt.Sprintf("CREATE ROLE %[1]s; GRANT USAGE ON SCHEMA automation TO %[1]s; GRANT SELECT ON ALL TABLES IN SCHEMA automation TO %[1]s", role))
	require.NoError(t, err)
	defer func() {
		_, err := conn.Exec(t.Context(), fmt.Sprintf("DROP OWNED BY %[1]s; DROP ROLE %[1]s", role))
		assert.NoError(t, err)
	}()

	query := parsed.Query()
	query.Set("role", role)
	parsed.RawQuery = query.Encode()
	s.url = parsed.String()
	for _, args := range reading {
		r := s.do(args...)
		assert.Empty(t, r.stderr, args)
		assert.NotContains(t, r.stdout, "permission denied", args)
	}
	r := s.do("stop", "welcome")
	assert.Equal(t, 1, r.status)
	assert.Contains(t, r.stderr, "permission denied")
}

func TestPostgres_BehindPgBouncer(t *testing.T) {
	t.Parallel()
	address, store := databases["postgres"](t)
	s := newScene(t, address, store)
	parsed, err := url.Parse(pgtest.Bouncer(t, address))
	require.NoError(t, err)
	query := parsed.Query()
	query.Set("default_query_exec_mode", "exec")
	parsed.RawQuery = query.Encode()
	s.url = parsed.String()
	for _, args := range append(reading, []string{"stop", "welcome", "--cancel-runs"}, []string{"cancel", "--all"}, []string{"prune", "--older-than", "1d"}) {
		assert.Empty(t, s.do(args...).stderr, args)
	}
}

// A request is due at once, also if the clock of the operator's machine is ahead.
func TestCancel_DoesNotWaitForAClockThatIsAhead(t *testing.T) {
	t.Parallel()
	address, store := databases["postgres"](t)
	s := newScene(t, address, store)
	id := s.run("welcome", "ada@example.com")
	r := perform(t, command.Env{Clock: ahead{}}, "cancel", id, "--database", address)
	require.Equal(t, 0, r.status, r)

	opts := s.Opts
	opts.Clock = automation.SystemClock()
	app, err := automation.New(store, s.Mailer, opts)
	require.NoError(t, err)
	_, err = app.Drain(t.Context())
	require.NoError(t, err)
	assert.Equal(t, automation.RunCancelled, s.status(id))
}

// ahead is a clock that is an hour ahead.
type ahead struct{}

func (ahead) Now() time.Time { return time.Now().Add(time.Hour) }

func (ahead) After(d time.Duration) <-chan time.Time { return time.After(d) }
