package command_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/cmd/automation/internal/command"
)

func TestDoctor_Golden(t *testing.T) {
	t.Parallel()
	url, store := databases["sqlite"](t)
	s := newScene(t, url, store)
	assertGolden(t, "doctor", s.do("doctor"))
	assertGolden(t, "doctor_json", s.do("doctor", "--json"))

	s.do("stop", "welcome")
	s.do("stop", "sales")
	s.Clock.Add(25 * time.Hour) // in which the application does not work
	assertGolden(t, "doctor_problems", s.do("doctor"))
}

// The doctor asks Postgres for its clock, and finds more than a SQLite file has.
func TestDoctor_Postgres(t *testing.T) {
	t.Parallel()
	url, store := databases["postgres"](t)
	s := newScene(t, url, store)
	r := s.do("doctor")
	assert.Equal(t, 1, r.status, "the clock of the scene is years off")
	assert.Regexp(t, `(?m)^problem  clock +the clock of this machine and that of Postgres differ by `, r.stdout)

	app, err := automation.New(store, s.Mailer, automation.Options{})
	require.NoError(t, err)
	_, err = app.StopAutomation(t.Context(), "sales", automation.StopOptions{CancelRuns: true}) // whose steps app does not know
	require.NoError(t, err)
	_, err = s.app.Drain(t.Context())
	require.NoError(t, err)
	_, err = app.Drain(t.Context())
	require.NoError(t, err)
	r = perform(t, command.Env{}, "doctor", "--database", url, "--json")
	var d struct {
		Healthy  bool
		Findings []struct{ Check, State, Message string }
	}
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &d))
	assert.True(t, d.Healthy, r.stdout)
	assert.Equal(t, 0, r.status)
	var checks []string
	for _, f := range d.Findings {
		checks = append(checks, f.Check)
	}
	assert.Equal(t, []string{"schema", "clock", "server", "indexes", "autovacuum", "dead rows", "transactions", "connections", "workers", "work", "failures"}, checks)
}

func TestDoctor_WithoutTables(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "empty.db")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	r := perform(t, command.Env{}, "doctor", "--database", path)
	assert.Equal(t, 1, r.status)
	assert.Contains(t, r.stdout, "are older than this release needs\n")
	assert.Contains(t, r.stdout, "-> automation migrate")
	assert.NotContains(t, r.stdout, "failures")
}

func TestDoctor_WithoutDatabase(t *testing.T) {
	t.Parallel()
	r := perform(t, command.Env{}, "doctor", "--database", "nowhere.db", "--json")
	assert.Equal(t, 1, r.status)
	assert.JSONEq(t, `{"object": "diagnosis", "healthy": false, "findings": [{
		"check": "database", "state": "problem",
		"message": "nowhere.db: there is no such file: name the file of the application, or create one with automation migrate",
		"way_out": "look whether it runs, and whether the URL and the rights of the user are right"
	}]}`, r.stdout)
	assert.Equal(t, 2, perform(t, command.Env{}, "doctor").status)
}
