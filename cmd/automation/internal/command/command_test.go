package command_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/cmd/automation/internal/command"
)

var names = []string{
	"validate", "migrate", "doctor", "automations", "runs", "events", "contacts", "diagram",
	"cancel", "retry", "stop", "start", "prune", "version",
}

func TestHelp_Golden(t *testing.T) {
	t.Parallel()
	for _, name := range names {
		r := perform(t, command.Env{}, "help", name)
		assertGolden(t, "help_"+name, r)
		assert.Equal(t, r, perform(t, command.Env{}, name, "--help"))
		assert.Equal(t, r, perform(t, command.Env{}, name, "-h", "unused"))
		for line := range strings.Lines(r.stdout) {
			assert.LessOrEqual(t, len([]rune(line)), 125, line)
		}
	}
	r := perform(t, command.Env{}, "help")
	assertGolden(t, "help", r)
	assert.Equal(t, r, perform(t, command.Env{}, "--help"))
	bare := perform(t, command.Env{})
	assert.Equal(t, result{2, "", r.stdout}, bare)
	for _, name := range names {
		assert.Contains(t, r.stdout, "\n  "+name+" ")
	}
}

// The examples of the help are command lines that the tool accepts.
func TestHelp_ShowsExamplesThatWork(t *testing.T) {
	flows(t)
	url, store := databases["sqlite"](t)
	s := newScene(t, url, store)
	for _, name := range names {
		examples := 0
		for line := range strings.Lines(perform(t, command.Env{}, "help", name).stdout) {
			if line, ok := strings.CutPrefix(line, "  automation "); ok {
				examples++
				line, _, _ = strings.Cut(line, " | ")
				line, _, _ = strings.Cut(line, " > ")
				line, _, _ = strings.Cut(line, " < ")
				r := s.do(strings.Fields(line)...)
				assert.Less(t, r.status, 2, "automation %s: %s", line, r.stderr)
			}
		}
		assert.NotZero(t, examples, name)
	}
}

func TestUsage_MistakesHaveStatus2AndAWayOut(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"rusn":                                    `automation: there is no command "rusn": do you mean runs?`,
		"frobnicate":                              `automation: there is no command "frobnicate": automation help lists the commands`,
		"help rusn":                               `do you mean runs?`,
		"runs":                                    `automation runs: names no database: give --database URL, or set AUTOMATION_DATABASE`,
		"runs --datbase x":                        `automation runs: there is no flag --datbase: do you mean --database?`,
		"runs a b --database x":                   `takes one RUN_ID, and got 2 arguments`,
		"runs --status lost --database x":         `--status "lost" is none of running, completed, failed and cancelled`,
		"runs --database mysql://h/d":             `--database: "mysql:" is no database that this tool knows: give postgres://`,
		"runs --database sqlite:":                 `give postgres://`,
		"runs --version two":                      `invalid value "two" for --version: parse error`,
		"runs --frobnicate":                       `there is no flag --frobnicate: automation help runs lists the flags`,
		"runs --status":                           `flag needs an argument: --status`,
		"automations --status on --database x":    `--status "on": use enabled or disabled`,
		"automations --version 2 --database x":    `--version needs the ID of an automation`,
		"events a b --database x":                 `takes one EVENT_ID, and got 2 arguments`,
		"events --status lost":                    `--status "lost": use pending or handled`,
		"events --reason why":                     `--reason "why" is none of automation_disabled, before_wait, contact_deleted, filter_not_met, no_match`,
		"contacts a b --database x":               `takes one ID or EMAIL, and got 2 arguments`,
		"cancel --database x":                     `names no runs: give their ids, or a filter such as --automation, or --all`,
		"retry --all --automation a":              `--all and a filter contradict each other`,
		"retry id --all":                          `takes the ids of runs or a filter, not both`,
		"retry id --dry-run":                      `are for a filter`,
		"retry --all --max -1":                    `--max -1 is negative`,
		"stop":                                    `takes one ID of an automation, and got 0 arguments`,
		"start a b":                               `takes one ID of an automation, and got 2 arguments`,
		"prune --database x":                      `needs --older-than, such as --older-than 90d`,
		"prune --older-than soon --database x":    `--older-than: automation: duration "soon" is not understood`,
		"prune now":                               `takes no argument "now"; automation help prune has the flags`,
		"doctor now":                              `takes no argument "now"`,
		"migrate now":                             `takes no argument "now"`,
		"migrate --all":                           `--all is for --print`,
		"migrate --print --all":                   `needs the kind of the database`,
		"migrate --print --all --database mysql:": `is no database that this tool knows`,
		"migrate --print --all --database postgres: --schema A-B": `schema "A-B": give up to 63 lower-case letters`,
	} {
		r := perform(t, command.Env{}, strings.Fields(line)...)
		assert.Equal(t, 2, r.status, line)
		assert.Empty(t, r.stdout, line)
		assert.Contains(t, r.stderr, want, line)
	}
}

func TestUsage_OfTimesAndLimits(t *testing.T) {
	t.Parallel()
	url, store := databases["sqlite"](t)
	s := newScene(t, url, store)
	for line, want := range map[string]string{
		"runs --since yesterday":          `--since "yesterday" is neither a time, such as 2026-03-02 or 2026-03-02T09:00:00Z, nor how long ago it was`,
		"runs --ended-until 2026":         `--ended-until "2026" is neither`,
		"runs --limit 0":                  `--limit 0 must be at least 1`,
		"events --definitions --limit -3": `--limit -3 must be at least 1`,
	} {
		r := s.do(strings.Fields(line)...)
		assert.Equal(t, 2, r.status, line)
		assert.Contains(t, r.stderr, want, line)
	}
	for _, since := range []string{"2d", "50h", "2 days", "3w", "2026-03-02", "2026-03-02 08:59", "2026-03-02T08:59:59", "2026-03-02T10:00:00+01:00"} {
		assert.Contains(t, s.do("runs", "--since", since).stdout, s.run("welcome", "cy@example.com"), since)
	}
	for _, since := range []string{"24h", "1d", "2026-03-02 09:01", "2026-03-02T09:00:01Z"} {
		assert.NotContains(t, s.do("runs", "--since", since).stdout, s.run("welcome", "cy@example.com"), since)
	}
	// With --local, times are read in the zone of this machine, which is an hour ahead.
	assert.Contains(t, s.do("runs", "--local", "--since", "2026-03-02 10:00").stdout, s.run("welcome", "cy@example.com"))
	assert.NotContains(t, s.do("runs", "--local", "--since", "2026-03-02 10:01").stdout, s.run("welcome", "cy@example.com"))
}

func TestRun_ReadsFlagsAfterArguments(t *testing.T) {
	t.Parallel()
	url, store := databases["sqlite"](t)
	s := newScene(t, url, store)
	want := s.do("automations", "--json", "welcome")
	assert.Equal(t, 0, want.status)
	assert.Equal(t, want, s.do("automations", "welcome", "--json"))
	assert.Equal(t, want, s.do("automations", "-json", "--", "welcome"))
	assert.Equal(t, want, perform(t, command.Env{}, "automations", "welcome", "--database", url, "--json"))
	assert.Contains(t, s.do("automations", "--", "--json").stderr, `"--json": not found`)
}

func TestRun_FailsOnWhatItCannotOpen(t *testing.T) {
	t.Parallel()
	for database, want := range map[string]string{
		"nowhere.db":        "nowhere.db: there is no such file: name the file of the application",
		t.TempDir():         "is a folder: name the file in it",
		"command_test.go":   "command_test.go: sqlite3: file is not a database",
		"postgres://:bad:/": "automation runs: cannot parse",
		"postgres://user:secret@127.0.0.1:1/db?sslmode=disable": "automation runs: failed to connect to",
	} {
		r := perform(t, command.Env{}, "runs", "--database", database)
		assert.Equal(t, 1, r.status, database)
		assert.Contains(t, r.stderr, want, database)
		assert.NotContains(t, r.stderr, "secret")
	}
}

func TestRun_EndsWhenItIsInterrupted(t *testing.T) {
	t.Parallel()
	url, _ := databases["sqlite"](t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stderr strings.Builder
	status := command.Run(ctx, command.Env{Stdout: io.Discard, Stderr: &stderr}, []string{"runs", "--database", url})
	assert.Equal(t, 1, status)
	assert.Equal(t, "automation runs: interrupted\n", stderr.String())
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestRun_FailsIfItCannotPrint(t *testing.T) {
	t.Parallel()
	var stderr strings.Builder
	status := command.Run(t.Context(), command.Env{Stdout: full{}, Stderr: &stderr}, []string{"version"})
	assert.Equal(t, 1, status)
	assert.Equal(t, "automation version: no space left on device\n", stderr.String())
}

func TestVersion(t *testing.T) {
	t.Parallel()
	r := perform(t, command.Env{}, "version")
	require.Equal(t, 0, r.status)
	assert.Regexp(t, `^automation \S+\n$`, r.stdout)
	assert.Regexp(t, `(?s)^\{\n  "object": "version",\n  "version": "\S+"\n\}\n$`, perform(t, command.Env{}, "version", "--json").stdout)
}
