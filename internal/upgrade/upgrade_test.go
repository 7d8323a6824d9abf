package upgrade

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/mail/capture"
)

// An application is told to stop its older processes before it migrates. One that goes on all the
// same must not work by rules that have changed.
func TestMigrate_WhileAnOlderProcessWorks(t *testing.T) {
	t.Parallel()
	for name, old := range releases {
		t.Run(name, func(t *testing.T) {
			binary := build(t, old.commit) // one after the other: they share what they depend on
			t.Parallel()
			for _, kind := range old.kinds {
				t.Run(kind, func(t *testing.T) {
					t.Parallel()
					u := &upgrade{T: t, binary: binary, db: databases[kind](t)}
					u.workOnOlder()
					u.migrate()
					u.olderDoesNothing()
					u.newerTakesOver()
					u.newRulesHold()
				})
			}
		})
	}
}

// upgrade is an upgrade during which an older process goes on.
type upgrade struct {
	*testing.T
	binary string
	db     database
	older  *process
	tables tables

	newer  *automation.Runner
	clock  *clock.Mock // newer's
	mailer *capture.Mailer
	before int // how many lines the older process had printed before the migration
}

// workOnOlder makes runs of which one sleeps, two wait, and one has an email with the mailer. The
// contact of that one has an event that nothing has handled.
func (u *upgrade) workOnOlder() {
	u.Helper()
	u.older = start(u.T, u.binary, u.db)
	for _, flow := range []automation.Automation{welcome(), recovery()} {
		text, err := json.Marshal(flow)
		require.NoError(u, err)
		u.older.do("apply " + string(text))
	}
	u.older.do("send user.created ada@example.com", "send cart.created eve@example.com", "send cart.created dan@example.com")
	u.older.await(0, 1, "step pause")
	u.older.await(0, 2, "step wait")
	u.older.do("hold", "send user.created zoe@example.com")
	u.older.await(0, 1, "email hello zoe@example.com")
	u.older.do("send cart.created zoe@example.com")
}

func welcome() automation.Automation {
	return world.Flow("welcome", "user.created", world.Email("hello"), world.Pause("pause", "1 hour"), world.Email("nudge"))
}

func recovery() automation.Automation {
	a := world.Flow("recovery", "cart.created", world.WaitUpTo("wait", "cart.paid", "1 day"), world.Email("thanks"))
	a.Connections[1].Type = automation.ConnectionEventReceived
	a.Steps = append(a.Steps, world.Email("reminder"))
	a.Connections = append(a.Connections, automation.Connection{From: "wait", To: "reminder", Type: automation.ConnectionTimeout})
	return a
}

// migrate migrates the tables under the older process.
func (u *upgrade) migrate() {
	u.Helper()
	var store automation.Store
	store, u.tables = u.db.migrate(u.T)
	u.before = u.older.mark()
	u.clock, u.mailer = clock.NewMock(), capture.New()
	u.clock.Set(time.Now())
	var err error
	u.newer, err = automation.New(store, u.mailer, automation.Options{Clock: u.clock})
	require.NoError(u, err)
}

// olderDoesNothing lets a run of the older process become due, its email arrive, and an event come.
// All of its claims of these fail, and its commits. It changes nothing.
func (u *upgrade) olderDoesNothing() {
	u.Helper()
	rows := u.tables.rows(u.T)
	u.older.do("pass 2h") // ada's nudge is due
	u.older.claimsInVain()
	mark := u.older.mark()
	u.older.do("release")
	assert.Contains(u, u.older.await(mark, 1, "commit "), "commit failed")
	u.older.claimsInVain()
	assert.Equal(u, rows, u.tables.rows(u.T))

	u.send("cart.paid", "eve@example.com")
	rows = u.tables.rows(u.T)
	u.older.claimsInVain()
	assert.Equal(u, rows, u.tables.rows(u.T))

	assert.NotEqual(u, "ready true", u.older.ask("health"))
	start(u.T, u.binary, u.db).await(0, 1, "refused")
}

// newerTakesOver does all work with this release. The older process can still accept an event, unless
// it fails, because owners of events have another type.
func (u *upgrade) newerTakesOver() {
	u.Helper()
	if answer := u.older.ask("send user.created bob@example.com"); answer != "ok" {
		require.Contains(u, answer, "failed: ")
		u.send("user.created", "bob@example.com")
	}
	u.clock.Add(3 * time.Hour) // the leases of the older process have ended
	u.drain()
	u.clock.Add(24 * time.Hour)
	u.drain()
	u.clock.Add(time.Hour)
	u.drain()
	assert.ElementsMatch(u, []string{
		"hello ada@example.com", "nudge ada@example.com", "hello zoe@example.com", "nudge zoe@example.com", "hello bob@example.com", "nudge bob@example.com",
		"thanks eve@example.com", "reminder dan@example.com", "reminder zoe@example.com",
	}, u.emails())
	page, err := u.newer.ListRuns(u.Context(), automation.RunQuery{})
	require.NoError(u, err)
	assert.Len(u, page.Data, 6)
	for _, run := range page.Data {
		assert.Equal(u, automation.RunCompleted, run.Status)
	}
}

// newRulesHold has automations with rules that the older process does not know.
func (u *upgrade) newRulesHold() {
	u.Helper()
	trial := world.Flow("trial", "trial.started", world.Pause("rest", "1 hour"), world.Email("ending"))
	trial.Entry = &automation.Entry{Reentry: automation.Reentry{WhileRunning: automation.ReentryIgnore}}
	trial.Exit = &automation.Exit{Events: []automation.Listener{{EventName: "trial.paid"}}}
	_, err := u.newer.Apply(u.Context(), trial)
	require.NoError(u, err)
	mails := len(u.emails())

	u.send("trial.started", "kim@example.com")
	u.send("trial.started", "lee@example.com")
	u.drain()
	again := u.send("trial.started", "kim@example.com")
	paid := u.send("trial.paid", "lee@example.com")
	u.older.do("pass 100h") // everything that there is is due for the older process
	u.older.claimsInVain()
	assert.NotEqual(u, "ready true", u.older.ask("health"))
	u.drain()
	u.clock.Add(time.Hour)
	u.older.claimsInVain()
	u.drain()

	assert.Equal(u, []string{"ending kim@example.com"}, u.emails()[mails:])
	decisions, err := u.newer.ListDecisions(u.Context(), again)
	require.NoError(u, err)
	require.Len(u, decisions, 1)
	assert.Equal(u, automation.DecisionRunning, decisions[0].Code)
	page, err := u.newer.ListRuns(u.Context(), automation.RunQuery{AutomationID: "trial"})
	require.NoError(u, err)
	require.Len(u, page.Data, 2)
	var exits []string
	for _, run := range page.Data {
		assert.Equal(u, automation.RunCompleted, run.Status)
		if run.Exit != nil {
			exits = append(exits, run.Exit.EventID)
		}
	}
	assert.Equal(u, []string{paid}, exits)

	started, _ := u.older.since(u.before, "email ")
	assert.Empty(u, started)
	done, _ := u.older.since(u.before, "step ")
	assert.Empty(u, done)
}

// send sends an event with this release, and returns its id.
func (u *upgrade) send(name, email string) string {
	u.Helper()
	receipts, err := u.newer.Send(u.Context(), automation.Event{Name: name, Email: email})
	require.NoError(u, err)
	return receipts[0].ID
}

func (u *upgrade) drain() {
	u.Helper()
	_, err := u.newer.Drain(u.Context())
	require.NoError(u, err)
}

// emails returns the emails of both releases in order, those with the same key once.
func (u *upgrade) emails() (sent []string) {
	u.Helper()
	keys := map[string]bool{}
	add := func(template, to, key string) {
		if !keys[key] {
			keys[key], sent = true, append(sent, template+" "+to)
		}
	}
	lines, _ := u.older.since(0, "email ")
	for _, line := range lines {
		words := strings.Fields(line)
		add(words[1], words[2], words[3])
	}
	for _, e := range u.mailer.Emails() {
		add(e.TemplateID, e.To, e.IdempotencyKey)
	}
	return sent
}
