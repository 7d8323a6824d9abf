package command_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3/driver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/cmd/automation/internal/command"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/store/sqlite"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// Every command that reads prints the same about the same data, in SQLite and in Postgres,
// and writes nothing: the session in Postgres is read-only, and so is the SQLite file.
func TestReading_Golden(t *testing.T) {
	onEach(t, func(t *testing.T, s *scene) {
		s.url = readOnly(t, s.url)
		failed, waiting, completed, custom := s.run("welcome", "bob@example.com"), s.run("welcome", "ada@example.com"), s.run("welcome", "cy@example.com"), s.run("sales", "ada@example.com")
		for name, args := range map[string][]string{
			"automations":               {"automations"},
			"automations_enabled":       {"automations", "--status", "enabled", "--json"},
			"automations_none":          {"automations", "--status", "disabled"},
			"automation":                {"automations", "welcome"},
			"automation_old":            {"automations", "welcome", "--version", "1"},
			"automation_json":           {"automations", "--json", "sales"},
			"automation_missing":        {"automations", "goodbye"},
			"runs":                      {"runs"},
			"runs_page":                 {"runs", "--limit", "2"},
			"runs_after":                {"runs", "--limit", "2", "--after", waiting},
			"runs_local":                {"runs", "--local", "--contact", "ada"},
			"runs_failed":               {"runs", "--status", "failed", "--since", "2d"},
			"runs_failed_json":          {"runs", "--status", "failed", "--json"},
			"runs_failed_addresses":     {"runs", "--status=failed", "--addresses"},
			"runs_of_email":             {"runs", "--contact", "cy@example.com"},
			"runs_of_unknown_email":     {"runs", "--contact", "eve@example.com"},
			"runs_of_version":           {"runs", "--automation", "welcome", "--version", "1", "--step", "hello"},
			"runs_of_event":             {"runs", "--event", "order.paid", "--until", "2026-03-02T11:00:00Z", "--since", "2026-03-02"},
			"runs_none":                 {"runs", "--until", "2026-03-02"},
			"run_failed":                {"runs", failed},
			"run_failed_json":           {"runs", failed, "--json"},
			"run_waiting":               {"runs", waiting},
			"run_completed":             {"runs", completed, "--local"},
			"run_completed_addresses":   {"runs", completed, "--addresses"},
			"run_custom":                {"runs", custom},
			"run_custom_json":           {"runs", custom, "--json"},
			"run_missing":               {"runs", "01a0f755-0000-7187-bece-6d37b35978d5"},
			"events":                    {"events"},
			"events_json":               {"events", "--json", "--limit", "2"},
			"events_page":               {"events", "--limit", "1", "--after", s.pending},
			"events_of_contact":         {"events", "--contact", "ada@example.com", "--event", "signup", "--local"},
			"events_of_email":           {"events", "--contact", "dan@example.com", "--status", "pending"},
			"events_addresses":          {"events", "--addresses", "--since", "1h"},
			"events_no_match":           {"events", "--reason", "no_match", "--until", "2026-04-01"},
			"events_none":               {"events", "--event", "nothing", "--since", "1d"},
			"event_definitions":         {"events", "--definitions"},
			"event_definitions_json":    {"events", "--definitions", "--json"},
			"event_definition":          {"events", "--definitions", "signup"},
			"event_definition_json":     {"events", "--definitions", "signup", "--json"},
			"event":                     {"events", s.event(custom)},
			"event_json":                {"events", s.event(custom), "--json"},
			"event_addresses":           {"events", s.event(custom), "--addresses"},
			"event_pending":             {"events", s.pending},
			"event_pending_json":        {"events", s.pending, "--json"},
			"contacts":                  {"contacts"},
			"contacts_in_segment":       {"contacts", "--segment", "customers", "--json"},
			"contacts_in_empty_segment": {"contacts", "--segment", "none"},
			"contact":                   {"contacts", "ada@example.com"},
			"contact_json":              {"contacts", "ada", "--json"},
			"contact_missing":           {"contacts", "eve@example.com"},
			"segments":                  {"contacts", "--segments"},
			"segments_json":             {"contacts", "--segments", "--json"},
		} {
			r := s.do(args...)
			assertGolden(t, name, r)
			if !strings.HasPrefix(name, "contact") && !strings.HasSuffix(name, "addresses") && !strings.HasSuffix(name, "unknown_email") {
				assert.NotContains(t, r.stdout+r.stderr, "@", name)
			}
		}
	})
}

// Each step type has its config in a few words.
func TestRuns_ShowWhyOneIsSetAside(t *testing.T) {
	onEach(t, func(t *testing.T, s *scene) {
		s.Clock.Add(30 * 24 * time.Hour)
		opts := s.Opts
		opts.Registry = nil
		_, err := s.On(s.store, opts).Drain(s.Ctx)
		require.NoError(t, err)

		why := `set aside until 2026-04-02 10:01:01: automation "sales", version 1: unusable in this process: ` +
			`step "tell": step type "acme.slack" is not registered: written by another version` + "\n"
		assert.Contains(t, s.do("runs", "--automation", "sales").stdout, why)
		assert.Contains(t, s.do("runs", s.run("sales", "ada@example.com")).stdout, "running at step rest: "+why)
		assert.Contains(t, s.do("runs", "--automation", "sales", "--json").stdout, `"set_aside": true`)
	})
}

func TestAutomations_ShowEveryStepType(t *testing.T) {
	onEach(t, func(t *testing.T, s *scene) {
		_, err := s.app.CreateAutomation(s.Ctx, world.Flow("all", "all",
			world.Wait("wait", "paid"), world.Pause("pause", "1 day"), world.Email("mail"), world.SetFirstName("Ada"),
			automation.Step{Key: "join", Config: automation.AddToSegment{SegmentID: "customers"}},
			automation.Step{Key: "tell", Config: slack{Channel: strings.Repeat("orders", 20)}},
			automation.Step{Key: "delete", Config: automation.ContactDelete{}},
		))
		require.NoError(t, err)
		assertGolden(t, "automation_steps", s.do("automations", "all"))
	})
}

// readOnly returns the URL of a Postgres database for sessions that cannot write.
func readOnly(t *testing.T, database string) string {
	address, err := url.Parse(database)
	require.NoError(t, err)
	if address.Scheme == "postgres" {
		q := address.Query()
		q.Set("default_transaction_read_only", "on")
		address.RawQuery = q.Encode()
	}
	return address.String()
}

// A command that reads leaves a file as it is, byte for byte, also if no process has it open.
func TestReading_LeavesAFileAsItIs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "automation.db")
	store, err := sqlitefile.Open(t.Context(), path)
	require.NoError(t, err)
	s := newScene(t, path, store)
	require.NoError(t, store.Close())
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, args := range [][]string{{"runs"}, {"doctor"}, {"migrate", "--status"}, {"prune", "--older-than", "1d", "--dry-run"}, {"retry", "--all", "--dry-run"}} {
		r := s.do(args...)
		assert.Less(t, r.status, 2, r)
		assert.NotEmpty(t, r.stdout)
	}
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, before, after)
}

// A tool of a newer release does not change the tables of an older application.
func TestReading_DoesNotMigrate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "automation.db")
	db, err := driver.Open("file:" + path)
	require.NoError(t, err)
	defer db.Close()
	_, err = db.Exec("PRAGMA journal_mode = wal; " + sqlite.Migrations()[0].SQL)
	require.NoError(t, err)
	for _, args := range [][]string{{"runs"}, {"contacts"}, {"stop", "welcome"}, {"cancel", "--all"}, {"prune", "--older-than", "1d"}} {
		r := perform(t, command.Env{}, append(args, "--database", path)...)
		assert.Equal(t, 1, r.status)
		assert.Contains(t, r.stderr, fmt.Sprintf("the tables are at 1 and this process needs %d", len(sqlite.Migrations())))
		assert.Contains(t, r.stderr, "automation migrate applies them")
	}
	var applied int
	require.NoError(t, db.QueryRow("SELECT count(*) FROM automation_migrations").Scan(&applied))
	assert.Equal(t, 1, applied)
}
