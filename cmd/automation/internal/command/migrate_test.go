package command_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/cmd/automation/internal/command"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/postgres"
	"github.com/seed-b636437c/automation/store/sqlite"
)

// emptyDatabases are databases without tables: a file that does not exist, and a Postgres
// database.
var emptyDatabases = map[string]func(t *testing.T) (url string, known []postgres.Migration){
	"sqlite": func(t *testing.T) (string, []postgres.Migration) {
		return filepath.Join(t.TempDir(), "new.db"), sqlite.Migrations()
	},
	"postgres": func(t *testing.T) (string, []postgres.Migration) {
		known, err := postgres.Migrations("")
		require.NoError(t, err)
		return pgtest.URL(t), known
	},
}

var dateTime = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`)

func TestMigrate(t *testing.T) {
	t.Parallel()
	for name, open := range emptyDatabases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, known := open(t)
			do := func(args ...string) result {
				r := perform(t, command.Env{}, append([]string{"migrate", "--database", url}, args...)...)
				r.stdout = dateTime.ReplaceAllString(r.stdout, "TIME")
				return r
			}
			var all []string
			for _, m := range known {
				all = append(all, fmt.Sprintf("%d %s", m.Number, m.Name))
			}
			names := strings.Join(all, ", ")

			assertStatus(t, known, "missing", 1, do("--status"))
			assert.Equal(t, result{stdout: fmt.Sprintf("Would apply %d migrations: %s.\n", len(known), names)}, do("--dry-run"))
			printed := do("--print")
			assert.Equal(t, 0, printed.status)
			assert.Equal(t, len(known), strings.Count(printed.stdout, "-- migration "))
			assert.Equal(t, printed, do("--print", "--all"), "all are missing")
			assertStatus(t, known, "missing", 1, do("--status"))

			assert.Equal(t, result{stdout: fmt.Sprintf("Applied %d migrations: %s.\n", len(known), names)}, do())
			assertStatus(t, known, "TIME", 0, do("--status"))
			assert.Contains(t, do("--status", "--json").stdout, `"name": "init",
      "applied": true,
      "applied_at": "`)
			assertGolden(t, "migrate_again", do())
			assertGolden(t, "migrate_again_json", do("--json"))
			assert.Equal(t, result{}, do("--print"), "none is missing")
			assert.Equal(t, 0, perform(t, command.Env{}, "runs", "--database", url).status)
		})
	}
}

func assertStatus(t *testing.T, known []postgres.Migration, state string, status int, r result) {
	t.Helper()
	assert.Equal(t, status, r.status, r)
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	require.Len(t, lines, len(known)+1)
	assert.Equal(t, []string{"NUMBER", "NAME", "APPLIED", "(UTC)"}, strings.Fields(lines[0]))
	for i, m := range known {
		assert.Equal(t, []string{strconv.Itoa(m.Number), m.Name, state}, strings.Fields(lines[i+1]))
	}
}

// The printed SQL makes the same tables as the command.
func TestMigrate_PrintsSQLThatWorks(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	r := perform(t, command.Env{}, "migrate", "--print", "--all", "--database", "postgres:", "--schema", "mails")
	require.Equal(t, 0, r.status)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), r.stdout)
	require.NoError(t, err)
	r = perform(t, command.Env{}, "migrate", "--status", "--database", url, "--schema", "mails")
	assert.Equal(t, 0, r.status, r)
	assert.Equal(t, 1, perform(t, command.Env{}, "migrate", "--status", "--database", url).status, "the default schema has no tables")
}

func TestMigrate_PrintsJSON(t *testing.T) {
	t.Parallel()
	r := perform(t, command.Env{}, "migrate", "--print", "--all", "--json", "--database", "sqlite:x")
	var doc struct {
		Data []struct {
			Number  int
			Applied bool
			SQL     string
		}
	}
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &doc))
	require.Len(t, doc.Data, len(sqlite.Migrations()))
	assert.Equal(t, sqlite.Migrations()[0].SQL, doc.Data[0].SQL)
	assert.False(t, doc.Data[0].Applied)
}

// The tool of this release works with tables of a newer one that allow it, and shows the
// migrations that it does not know.
func TestMigrate_ShowsMigrationsOfANewerRelease(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	require.Equal(t, 0, perform(t, command.Env{}, "migrate", "--database", url).status)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), "INSERT INTO automation.migrations (number, name, floor) VALUES (99, 'faster', 1)")
	require.NoError(t, err)
	r := perform(t, command.Env{}, "migrate", "--status", "--database", url)
	assert.Equal(t, 0, r.status)
	assert.Regexp(t, `\n99 +faster +\S+ \S+, by a newer release than this tool\n$`, r.stdout)
	assert.Equal(t, 0, perform(t, command.Env{}, "runs", "--database", url).status)

	_, err = conn.Exec(t.Context(), "UPDATE automation.migrations SET floor = 99 WHERE number = 99")
	require.NoError(t, err)
	r = perform(t, command.Env{}, "runs", "--database", url)
	assert.Equal(t, 1, r.status)
	assert.Contains(t, r.stderr, "upgrade it to a release of the library that knows 99")
}
