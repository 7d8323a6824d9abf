package command_test

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// carts is an automation with rules of entry and of exit.
func carts() automation.Automation {
	a := world.Flow("carts", "cart.updated", world.Pause("quiet", "4 hours"), world.Email("reminder"))
	a.Entry = &automation.Entry{
		FilterRule:   automation.Field("event.total").Gt(0),
		AudienceRule: automation.Not(automation.Field("contact.segments").Contains("staff")),
		Reentry:      automation.Reentry{Key: "event.cart_id", WhileRunning: automation.ReentryIgnore, Limit: 1, Per: automation.MustParseDuration("30 days")},
	}
	a.Exit = &automation.Exit{
		Events:    []automation.Listener{{Name: "paid", EventName: "order.paid", Match: []automation.Match{{Event: "cart_id"}}}},
		WhileRule: automation.Field("contact.properties.blocked").Neq(true),
		MaxAge:    automation.MustParseDuration("14 days"),
	}
	return a
}

func TestEvents_ShowWhyTheyStartedNoRunAndWhatTheyEnded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "automation.db")
	store, err := sqlitefile.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	s := newScene(t, path, store)
	_, err = s.app.Apply(s.Ctx, carts())
	require.NoError(t, err)
	_, err = s.app.CreateContact(s.Ctx, automation.Contact{ID: "sue", Email: "sue@example.com", Segments: []string{}, Properties: map[string]any{"blocked": false}})
	require.NoError(t, err)
	cart := func(id string, total any) map[string]any { return map[string]any{"cart_id": id, "total": total} }
	send := func(name string, payload map[string]any) string {
		id := s.send(name, "sue@example.com", payload)
		s.pass(time.Minute)
		return id
	}
	send("cart.updated", cart("a", 5))
	for name, id := range map[string]string{
		"event_refused_by_filter": send("cart.updated", cart("b", 0)),
		"event_without_key":       send("cart.updated", map[string]any{"total": 5}),
		"event_while_running":     send("cart.updated", cart("a", 7)),
		"event_that_ends_a_run":   send("order.paid", map[string]any{"cart_id": "a"}),
		"event_over_the_limit":    send("cart.updated", cart("a", 9)),
	} {
		assertGolden(t, name, s.do("events", id))
		assertGolden(t, name+"_json", s.do("events", id, "--json"))
	}
	run := s.run("carts", "sue@example.com")
	assertGolden(t, "run_exited", s.do("runs", run))
	assertGolden(t, "run_exited_json", s.do("runs", run, "--json"))
	assertGolden(t, "runs_exited", s.do("runs", "--automation", "carts"))
	assertGolden(t, "events_refused", s.do("events", "--reason", "refused"))
	assertGolden(t, "automation_rules", s.do("automations", "carts"))
}

// A run that sleeps waits for no event, although one can end it.
func TestRuns_TellWhatTheyWaitForFromWhatEndsThem(t *testing.T) {
	onEach(t, func(t *testing.T, s *scene) {
		_, err := s.app.Apply(s.Ctx, carts())
		require.NoError(t, err)
		waits := carts()
		waits.ID, waits.Entry, waits.Steps[1] = "waits", nil, automation.Step{Key: "decides", Config: automation.WaitForAny{
			Events:  []automation.Listener{{EventName: "cart.emptied"}, {EventName: "cart.shared"}},
			ResetOn: []automation.Listener{{EventName: "cart.updated"}}, Timeout: automation.MustParseDuration("2 days"),
		}}
		waits.Connections = []automation.Connection{{From: "start", To: "decides"}, {From: "decides", To: "reminder"}}
		_, err = s.app.Apply(s.Ctx, waits)
		require.NoError(t, err)
		_, err = s.app.UpdateContact(s.Ctx, "ada", automation.ContactChange{Properties: map[string]any{"blocked": false}})
		require.NoError(t, err)
		s.drain() // each store has its own order for contacts whose events came at once
		s.send("cart.updated", "ada@example.com", map[string]any{"cart_id": "a", "total": 5})
		s.drain()
		assertGolden(t, "runs_that_listen", s.do("runs", "--contact", "ada", "--limit", "2"))
		assertGolden(t, "run_that_sleeps", s.do("runs", s.run("carts", "ada@example.com")))
		assertGolden(t, "run_that_waits", s.do("runs", s.run("waits", "ada@example.com")))
	})
}

// Runs that the engine cancelled have the reason in a list too.
func TestRuns_ShowWhatReplacedThem(t *testing.T) {
	onEach(t, func(t *testing.T, s *scene) {
		restarts := carts()
		restarts.Entry = &automation.Entry{Reentry: automation.Reentry{WhileRunning: automation.ReentryRestart}}
		restarts.Exit = nil
		_, err := s.app.Apply(s.Ctx, restarts)
		require.NoError(t, err)
		for range 2 {
			s.send("cart.updated", "ada@example.com", map[string]any{"cart_id": "a", "total": 5})
			s.pass(time.Minute)
		}
		assertGolden(t, "runs_replaced", s.do("runs", "--automation", "carts"))
	})
}

// The document that the tool prints is the one that was applied, also that of an old version.
func TestAutomations_KeepTheirRulesInJSON(t *testing.T) {
	onEach(t, func(t *testing.T, s *scene) {
		applied := carts()
		_, err := s.app.Apply(s.Ctx, applied)
		require.NoError(t, err)
		_, err = s.app.UpdateAutomation(s.Ctx, "carts", automation.AutomationUpdate{Entry: &automation.Entry{}, Exit: &automation.Exit{}})
		require.NoError(t, err)
		var printed struct {
			Entry *automation.Entry
			Exit  *automation.Exit
		}
		require.NoError(t, json.Unmarshal([]byte(s.do("automations", "carts", "--version", "1", "--json").stdout), &printed))
		assert.Equal(t, applied.Entry, printed.Entry)
		assert.Equal(t, applied.Exit, printed.Exit)
		assert.NotContains(t, s.do("automations", "carts", "--json").stdout, `"entry"`)
	})
}
