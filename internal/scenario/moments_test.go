package scenario_test

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/store/postgres"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// onEveryStore runs a test on each of the stores.
func onEveryStore(t *testing.T, opts automation.Options, test func(t *testing.T, w *world.World)) {
	t.Helper()
	onStores(t, opts, []string{"memory", "sqlite", "postgres"}, test)
}

// onStores runs a test on the stores with these names.
func onStores(t *testing.T, opts automation.Options, names []string, test func(t *testing.T, w *world.World)) {
	t.Helper()
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) automation.Store{
		"memory": func(*testing.T) automation.Store { return memory.New() },
		"sqlite": func(t *testing.T) automation.Store {
			s, err := sqlitefile.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"))
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, s.Close()) })
			return s
		},
		"postgres": func(t *testing.T) automation.Store {
			pool, err := pgxpool.New(t.Context(), pgtest.URL(t))
			require.NoError(t, err)
			t.Cleanup(pool.Close)
			s, err := postgres.New(pool, postgres.Options{})
			require.NoError(t, err)
			require.NoError(t, s.Migrate(t.Context()))
			return s
		},
	} {
		if !slices.Contains(names, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, world.NewOn(t, open(t), opts))
		})
	}
}

// storesFor returns the stores for a case: all of them if it is among onDisk.
func storesFor(name string, onDisk []string) []string {
	if slices.Contains(onDisk, name) {
		return []string{"memory", "sqlite", "postgres"}
	}
	return []string{"memory"}
}

func timeOf(t *testing.T, text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return at.UTC()
}

// goTo moves the clock of a world, and drains.
func goTo(w *world.World, at time.Time) {
	w.T.Helper()
	w.Clock.Set(at)
	w.Drain()
}

func hoursFrom(from, to string, days ...automation.Weekday) []automation.Hours {
	return []automation.Hours{{Days: days, From: automation.MustParseLocalTime(from), To: automation.MustParseLocalTime(to)}}
}

// sentAt returns the templates with the times at which they were sent, by the outputs of runs.
func sentAt(w *world.World) map[string]time.Time {
	sent := map[string]time.Time{}
	for _, run := range w.Runs() {
		for _, s := range run.Steps {
			if s.Type == automation.TypeSendEmail && s.Status == automation.StepCompleted {
				sent[s.Key] = s.CompletedAt.UTC()
			}
		}
	}
	return sent
}

// retry retries the only run, and drains.
func retry(w *world.World) {
	w.T.Helper()
	_, err := w.RetryRun(w.Ctx, w.Run().ID)
	require.NoError(w.T, err)
	w.Drain()
}

// appointment reminds of an appointment a day before it, in the zone of the contact, and sends
// another email if it has passed.
func appointment() automation.Automation {
	a := world.Flow("appointment", "signup", automation.Step{Key: "before", Config: automation.DelayUntil{
		At: automation.Var("contact.properties.starts_at"), Offset: automation.MustParseOffset("-1 day"),
		Time: automation.MustParseLocalTime("09:00"), Zone: automation.ContactZone(),
	}}, world.Email("reminder"))
	a.Steps = append(a.Steps, world.Email("missed"))
	a.Connections = append(a.Connections, automation.Connection{From: "before", To: "missed", Type: automation.ConnectionPast})
	return a
}

// An appointment moves while a run waits for it. No process works over the instant, or one
// does: in each case the run goes where its author has sent it, and no reminder of an old date
// is sent.
func TestDelayUntil_AppointmentMovesWhileTheRunSleeps(t *testing.T) {
	const at = "2026-03-10T08:00:00Z" // a day before, at nine in Berlin
	// A store sees the same of the other cases.
	onDisk := []string{"the same, late", "later", "earlier", "to null"}
	for name, tt := range map[string]struct {
		date   any
		wake   string // when a process works again
		sent   []string
		until  string // when the run continues; "" if it has ended
		failed automation.StepErrorCode
	}{
		"the same":                       {"2026-03-11T15:00:00Z", at, []string{"reminder"}, "", ""},
		"the same, late":                 {"2026-03-11T15:00:00Z", "2026-03-15T08:00:00Z", []string{"reminder"}, "", ""},
		"later":                          {"2026-03-12T15:00:00Z", at, nil, "2026-03-11T08:00:00Z", ""},
		"later, and down over both":      {"2026-03-12T15:00:00Z", "2026-03-20T08:00:00Z", []string{"missed"}, "", ""},
		"later, over a clock change":     {"2026-03-30", at, nil, "2026-03-29T07:00:00Z", ""},
		"earlier":                        {"2026-03-09T15:00:00Z", at, []string{"missed"}, "", ""},
		"into the past":                  {"2025-03-09", at, []string{"missed"}, "", ""},
		"to null":                        {nil, at, nil, "", automation.FailedNoDate},
		"to a text":                      {"soon", at, nil, "", automation.FailedNoDate},
		"further than is allowed, 2 y":   {"2028-03-09", at, nil, "", automation.FailedTooFar},
		"to the next day, for the night": {"2026-03-12T00:30:00+01:00", at, nil, "2026-03-11T08:00:00Z", ""},
	} {
		t.Run(name, func(t *testing.T) {
			onStores(t, automation.Options{}, storesFor(name, onDisk), func(t *testing.T, w *world.World) {
				w.Create(appointment())
				c := w.AddContact(automation.Contact{Email: "ada@example.com", Properties: map[string]any{
					"starts_at": "2026-03-11T15:00:00Z", "timezone": "Europe/Berlin",
				}})
				w.Send(world.Signup("ada@example.com"))
				w.Drain()
				require.Equal(t, timeOf(t, at), w.Run().DueAt.UTC())
				_, err := w.UpdateContact(w.Ctx, c.ID, automation.ContactChange{Properties: map[string]any{"starts_at": tt.date}})
				require.NoError(t, err)
				goTo(w, timeOf(t, tt.wake))
				assert.Equal(t, tt.sent, w.Sent())
				run := w.Run()
				if tt.failed != "" {
					require.NotNil(t, run.Error)
					assert.Equal(t, tt.failed, run.Error.Code)
					return
				}
				if tt.until == "" {
					assert.Equal(t, automation.RunCompleted, run.Status)
					return
				}
				assert.Equal(t, timeOf(t, tt.until), run.DueAt.UTC())
				goTo(w, timeOf(t, tt.until))
				assert.Equal(t, []string{"reminder"}, w.Sent())
			})
		})
	}
}

// The run's own step has just moved the date. A run that failed because its date had passed
// looks at the date again when it is retried.
func TestDelayUntil_DateThatTheRunMovedAndThatIsRetried(t *testing.T) {
	onEveryStore(t, automation.Options{}, func(t *testing.T, w *world.World) {
		w.Create(world.Flow("flow", "signup",
			automation.Step{Key: "move", Config: automation.ContactUpdate{Properties: map[string]automation.Value{"day": automation.Var("event.day")}}},
			automation.Step{Key: "until", Config: automation.DelayUntil{
				At: automation.Var("contact.properties.day"), Time: automation.MustParseLocalTime("09:00"), IfPast: automation.OtherwiseFail,
			}}, world.Email("hello")))
		c := w.AddContact(automation.Contact{Email: "ada@example.com", Properties: map[string]any{"day": "2020-01-01"}})
		w.Send(automation.Event{Name: "signup", Email: "ada@example.com", Payload: []byte(`{"day":"2026-03-05"}`)})
		w.Drain()
		require.Equal(t, timeOf(t, "2026-03-05T09:00:00Z"), w.Run().DueAt.UTC())
		_, err := w.UpdateContact(w.Ctx, c.ID, automation.ContactChange{Properties: map[string]any{"day": "2026-03-04"}})
		require.NoError(t, err)
		goTo(w, timeOf(t, "2026-03-05T09:00:00Z"))
		require.Equal(t, automation.FailedPast, w.Run().Error.Code)

		retry(w)
		require.Equal(t, automation.FailedPast, w.Run().Error.Code)
		_, err = w.UpdateContact(w.Ctx, c.ID, automation.ContactChange{Properties: map[string]any{"day": "2026-03-09"}})
		require.NoError(t, err)
		retry(w)
		assert.Equal(t, timeOf(t, "2026-03-09T09:00:00Z"), w.Run().DueAt.UTC())
		goTo(w, timeOf(t, "2026-03-09T09:00:00Z"))
		assert.Equal(t, []string{"hello"}, w.Sent())
	})
}

// A contact directory that is down at the instant delays the run, and loses nothing: the date
// that the run has waited for is not past.
func TestDelayUntil_DirectoryIsDownAtTheInstant(t *testing.T) {
	t.Parallel()
	ada := world.Ada
	ada.Properties = map[string]any{"starts_at": "2026-03-11T15:00:00Z", "timezone": "Europe/Berlin"}
	users := world.NewUsers(ada)
	w := world.NewWithUsers(t, users, automation.Options{})
	w.Create(appointment())
	w.Send(automation.Event{Name: "signup", ContactID: ada.ID})
	w.Drain()
	users.Lock(func() { users.Fail = func(string) error { return world.ErrOutage } })
	w.Clock.Set(timeOf(t, "2026-03-10T08:00:00Z"))
	_, err := w.Runner.Drain(w.Ctx)
	require.ErrorIs(t, err, world.ErrOutage)
	users.Lock(func() { users.Fail = nil })
	w.Pass(2 * time.Hour)
	assert.Equal(t, []string{"reminder"}, w.Sent())
}

// A window step holds a run over clock changes, a zone that changes meanwhile, and a process
// that is down. Windows over a change open once.
func TestWindow_HoldsARun(t *testing.T) {
	onDisk := []string{
		"clocks go forward over from", "a contact moves a zone ahead at the opening of a minute", "a node that is late for a minute",
	}
	for name, tt := range map[string]struct {
		window  automation.Window
		zone    string
		start   string
		opens   string // when the run first continues
		move    string // the zone to which the contact moves meanwhile
		wake    string // when a process works again; "" at the opening
		through string // when the run is through
	}{
		"clocks go forward over from": {
			automation.Window{Hours: hoursFrom("02:30", "06:00"), Zone: automation.ContactZone()}, "Europe/Berlin",
			"2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z", "", "", "2026-03-29T01:00:00Z",
		},
		"clocks go back to from": {
			automation.Window{Hours: hoursFrom("02:30", "06:00"), Zone: automation.ContactZone()}, "Europe/Berlin",
			"2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", "", "", "2026-10-25T00:30:00Z",
		},
		"the midnight that Sao Paulo left out": {
			automation.Window{Hours: hoursFrom("00:00", "08:00"), Zone: automation.ContactZone()}, "America/Sao_Paulo",
			"2018-11-03T15:00:00Z", "2018-11-04T03:00:00Z", "", "", "2018-11-04T03:00:00Z",
		},
		"half an hour of Lord Howe": {
			automation.Window{Hours: hoursFrom("02:10", "06:00"), Zone: automation.ContactZone()}, "Australia/Lord_Howe",
			"2026-10-03T12:00:00Z", "2026-10-03T15:30:00Z", "", "", "2026-10-03T15:30:00Z",
		},
		"the day that Samoa left out": {
			automation.Window{Hours: hoursFrom("09:00", "17:00"), Zone: automation.ContactZone()}, "Pacific/Apia",
			"2011-12-30T05:00:00Z", "2011-12-30T19:00:00Z", "", "", "2011-12-30T19:00:00Z",
		},
		"a contact moves a zone west at the opening": {
			automation.Window{Hours: hoursFrom("09:00", "17:00"), Zone: automation.ContactZone()}, "Europe/Berlin",
			"2026-03-02T20:00:00Z", "2026-03-03T08:00:00Z", "Europe/London", "", "2026-03-03T09:00:00Z",
		},
		"a contact moves a zone ahead at the opening of a minute": {
			automation.Window{Hours: hoursFrom("09:00", "09:01"), Zone: automation.ContactZone()}, "Europe/Berlin",
			"2026-03-02T20:00:00Z", "2026-03-03T08:00:00Z", "Europe/Helsinki", "", "2026-03-04T07:00:00Z",
		},
		"a node that is late for a minute": {
			automation.Window{Hours: hoursFrom("09:00", "09:01"), Zone: automation.ContactZone()}, "Europe/Berlin",
			"2026-03-02T20:00:00Z", "2026-03-03T08:00:00Z", "", "2026-03-03T08:01:00Z", "2026-03-04T08:00:00Z",
		},
		"a node that is late within the window": {
			automation.Window{Hours: hoursFrom("09:00", "17:00"), Zone: automation.ContactZone()}, "Europe/Berlin",
			"2026-03-02T20:00:00Z", "2026-03-03T08:00:00Z", "", "2026-03-03T15:59:59Z", "2026-03-03T15:59:59Z",
		},
		"the night of a day that is left out": {
			automation.Window{Hours: hoursFrom("22:00", "06:00"), Except: []automation.Date{automation.MustParseDate("2026-03-03")}}, "",
			"2026-03-03T06:00:00Z", "2026-03-04T22:00:00Z", "", "", "2026-03-04T22:00:00Z",
		},
	} {
		t.Run(name, func(t *testing.T) {
			onStores(t, automation.Options{}, storesFor(name, onDisk), func(t *testing.T, w *world.World) {
				w.Clock.Set(timeOf(t, tt.start))
				w.Create(world.Flow("flow", "signup", automation.Step{Key: "open", Config: tt.window}, world.Email("hello")))
				c := w.AddContact(automation.Contact{Email: "ada@example.com", Properties: map[string]any{"timezone": tt.zone}})
				w.Send(world.Signup("ada@example.com"))
				w.Drain()
				require.Equal(t, timeOf(t, tt.opens), w.Run().DueAt.UTC())
				goTo(w, timeOf(t, tt.opens).Add(-time.Microsecond))
				require.Empty(t, w.Sent())
				if tt.move != "" {
					_, err := w.UpdateContact(w.Ctx, c.ID, automation.ContactChange{Properties: map[string]any{"timezone": tt.move}})
					require.NoError(t, err)
				}
				wake := cmp.Or(tt.wake, tt.opens)
				goTo(w, timeOf(t, wake))
				if tt.through != wake {
					require.Empty(t, w.Sent())
					require.Equal(t, timeOf(t, tt.through), w.Run().DueAt.UTC())
					goTo(w, timeOf(t, tt.through))
				}
				assert.Equal(t, map[string]time.Time{"hello": timeOf(t, tt.through)}, sentAt(w))
			})
		})
	}
}

// An email waits for its window before each attempt, and reads the contact again after it. The
// window of all emails applies to those without one of their own.
func TestEmail_WaitsForItsWindow(t *testing.T) {
	opts := automation.Options{
		Window:      automation.Window{Hours: hoursFrom("08:00", "20:00"), Zone: automation.ContactZone()},
		Zone:        automation.ZoneOptions{Property: "tz", Default: "Europe/Paris"},
		MaxLateness: time.Hour,
		Retry:       automation.RetryPolicy{Initial: 30 * time.Minute, MaxAttempts: 5, Jitter: -1},
	}
	for _, delivery := range []automation.Delivery{automation.AtLeastOnce, automation.AtMostOnce} {
		t.Run(string(delivery), func(t *testing.T) {
			opts := opts
			opts.Delivery = delivery
			onEveryStore(t, opts, func(t *testing.T, w *world.World) {
				night := world.Email("night")
				night.Config = automation.SendEmail{
					Template: automation.TemplateRef{ID: "night"},
					Window:   automation.Window{Hours: hoursFrom("21:00", "06:00"), Zone: automation.ZoneOf("UTC")},
				}
				w.Create(world.Flow("flow", "signup", world.Email("day"), night))
				c := w.AddContact(automation.Contact{Email: "ada@example.com", Properties: map[string]any{"tz": "America/New_York"}})
				w.Clock.Set(timeOf(t, "2026-03-03T00:50:00Z")) // 19:50 in New York
				w.Mailer.Respond = func(context.Context, automation.Email) error { return assert.AnError }
				w.Send(world.Signup("ada@example.com"))
				w.Drain()
				require.Equal(t, timeOf(t, "2026-03-03T01:20:00Z"), w.Run().DueAt.UTC(), "in back-off")
				w.Pass(30 * time.Minute)
				run := w.Run()
				require.Equal(t, timeOf(t, "2026-03-03T13:00:00Z"), run.DueAt.UTC(), "closed")
				require.Len(t, world.Step(t, run, "day").Attempts, 1)
				require.Equal(t, automation.StepWaiting, world.Step(t, run, "day").Status)
				email := "lovelace@example.com"
				_, err := w.UpdateContact(w.Ctx, c.ID, automation.ContactChange{Email: &email})
				require.NoError(t, err)
				w.Mailer.Respond = nil
				goTo(w, timeOf(t, "2026-03-03T13:00:00Z"))
				require.Equal(t, []string{"day"}, w.Sent())
				assert.Equal(t, email, w.Mailer.Emails()[0].To)
				assert.Equal(t, 2, w.Mailer.Emails()[0].Attempt)
				assert.Equal(t, timeOf(t, "2026-03-03T21:00:00Z"), w.Run().DueAt.UTC(), "the window of the step")
				goTo(w, timeOf(t, "2026-03-03T22:00:00Z"))
				assert.Equal(t, []string{"day", "night"}, w.Sent())
			})
		})
	}
}

// A run that waits for the window of its email can be cancelled, and a contact that has
// unsubscribed meanwhile gets nothing.
func TestEmail_WaitsForItsWindowInVain(t *testing.T) {
	opts := automation.Options{Window: automation.Window{Hours: hoursFrom("12:00", "13:00")}, MaxLateness: time.Minute}
	onEveryStore(t, opts, func(t *testing.T, w *world.World) {
		w.Create(world.Flow("flow", "signup", world.Email("hello")))
		w.AddContacts(4)
		w.Send(world.Signups(4)...)
		w.Drain()
		_, err := w.CancelRun(w.Ctx, w.RunOf("0").ID)
		require.NoError(t, err)
		yes := true
		_, err = w.UpdateContact(w.Ctx, "1", automation.ContactChange{Unsubscribed: &yes})
		require.NoError(t, err)
		require.NoError(t, w.DeleteContact(w.Ctx, "2"))
		w.Drain()
		goTo(w, timeOf(t, "2026-03-02T12:01:00Z"))
		assert.Equal(t, automation.RunCancelled, w.RunOf("0").Status)
		assert.JSONEq(t, `{"reason":"unsubscribed"}`, string(world.Step(t, w.RunOf("1"), "hello").Output))
		require.Equal(t, []string{"hello"}, w.Sent())
		assert.Equal(t, "3@example.com", w.Mailer.Emails()[0].To)

		w.Send(world.Signup("4@example.com"))
		goTo(w, timeOf(t, "2026-03-03T09:00:00Z")) // handled late
		goTo(w, timeOf(t, "2026-03-03T12:02:00Z")) // late after the opening
		assert.Len(t, w.Sent(), 1)
	})
}

// The window closes while an email waits for its turn: it leaves on the next day.
func TestEmail_WindowClosesBeforeItsTurn(t *testing.T) {
	for _, delivery := range []automation.Delivery{automation.AtLeastOnce, automation.AtMostOnce} {
		t.Run(string(delivery), func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{
				Delivery: delivery, Window: automation.Window{Hours: hoursFrom("09:00", "17:00")}, Concurrency: 1,
			})
			w.Create(world.Flow("flow", "signup", world.Email("hello")))
			w.AddContacts(2)
			w.Clock.Set(timeOf(t, "2026-03-02T16:59:59Z"))
			w.Mailer.Respond = func(context.Context, automation.Email) error { w.Clock.Add(time.Second); return nil }
			w.Send(world.Signups(2)...)
			w.Drain()
			assert.Len(t, w.Sent(), 1)
			w.Mailer.Respond = nil
			goTo(w, timeOf(t, "2026-03-03T08:00:00Z"))
			assert.Len(t, w.Sent(), 1)
			goTo(w, timeOf(t, "2026-03-03T09:00:00Z"))
			assert.Len(t, w.Sent(), 2)
			for _, e := range w.Mailer.Emails() {
				assert.Equal(t, 1, e.Attempt)
			}
		})
	}
}
