package journeys_test

import (
	"cmp"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func timeOf(t testing.TB, text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return at.UTC()
}

// goTo moves the clock, and does the work that is due.
func (p *play) goTo(at time.Time) {
	p.T.Helper()
	p.Clock.Set(at)
	p.Drain()
}

func hoursFrom(from, to string, days ...automation.Weekday) []automation.Hours {
	return []automation.Hours{{Days: days, From: automation.MustParseLocalTime(from), To: automation.MustParseLocalTime(to)}}
}

// sentAt returns the templates with the times at which they were sent, by the outputs of runs.
func (p *play) sentAt() map[string]time.Time {
	sent := map[string]time.Time{}
	for _, run := range p.Runs() {
		for _, s := range run.Steps {
			if s.Type == automation.TypeSendEmail && s.Status == automation.StepCompleted {
				sent[s.Key] = s.CompletedAt.UTC()
			}
		}
	}
	return sent
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

// movedDate is a date that moves while a run waits for it.
type movedDate struct {
	date   any
	wake   string // when a process works again
	sent   []string
	until  string // when the run continues; "" if it has ended
	failed automation.StepErrorCode
	zone   string // the zone to which the contact moves; "" for none
}

// Cases 7 and 8: an appointment or its contact moves while a run waits for it. No process works over the instant, or one
// does: in each case the run goes where its author has sent it, and no reminder of an old date
// is sent.
func TestDelayUntil_AppointmentMovesWhileTheRunSleeps(t *testing.T) {
	const at = "2026-03-10T08:00:00Z" // a day before, at nine in Berlin
	table(t, automation.Options{}, map[string]movedDate{
		"the same":                       {"2026-03-11T15:00:00Z", at, []string{"reminder"}, "", "", ""},
		"the same, late":                 {"2026-03-11T15:00:00Z", "2026-03-15T08:00:00Z", []string{"reminder"}, "", "", ""},
		"later":                          {"2026-03-12T15:00:00Z", at, nil, "2026-03-11T08:00:00Z", "", ""},
		"later, and down over both":      {"2026-03-12T15:00:00Z", "2026-03-20T08:00:00Z", []string{"missed"}, "", "", ""},
		"later, over a clock change":     {"2026-03-30", at, nil, "2026-03-29T07:00:00Z", "", ""},
		"earlier":                        {"2026-03-09T15:00:00Z", at, []string{"missed"}, "", "", ""},
		"into the past":                  {"2025-03-09", at, []string{"missed"}, "", "", ""},
		"to null":                        {nil, at, nil, "", automation.FailedNoDate, ""},
		"to a text":                      {"soon", at, nil, "", automation.FailedNoDate, ""},
		"further than is allowed, 2 y":   {"2028-03-09", at, nil, "", automation.FailedTooFar, ""},
		"to the next day, for the night": {"2026-03-12T00:30:00+01:00", at, nil, "2026-03-11T08:00:00Z", "", ""},
		"to a zone that is behind":       {"2026-03-11T15:00:00Z", at, nil, "2026-03-10T13:00:00Z", "", "America/New_York"},
		"to a zone that is ahead":        {"2026-03-11T15:00:00Z", at, []string{"missed"}, "", "", "Asia/Dubai"},
		"to a zone with another date":    {"2026-03-11T15:00:00Z", at, nil, "2026-03-11T00:00:00Z", "", "Asia/Tokyo"},
	}, func(p *play, tt movedDate) {
		p.Create(appointment())
		c := p.AddContact(automation.Contact{Email: "ada@example.com", Properties: map[string]any{
			"starts_at": "2026-03-11T15:00:00Z", "timezone": "Europe/Berlin",
		}})
		p.Send(world.Signup("ada@example.com"))
		p.Drain()
		require.Equal(p.T, timeOf(p.T, at), p.Run().DueAt.UTC())
		zone := cmp.Or(tt.zone, "Europe/Berlin")
		_, err := p.UpdateContact(p.Ctx, c.ID, automation.ContactChange{Properties: map[string]any{"starts_at": tt.date, "timezone": zone}})
		require.NoError(p.T, err)
		p.goTo(timeOf(p.T, tt.wake))
		assert.Equal(p.T, tt.sent, p.Sent())
		run := p.Run()
		if tt.failed != "" {
			require.NotNil(p.T, run.Error)
			assert.Equal(p.T, tt.failed, run.Error.Code)
			return
		}
		if tt.until == "" {
			assert.Equal(p.T, automation.RunCompleted, run.Status)
			return
		}
		assert.Equal(p.T, timeOf(p.T, tt.until), run.DueAt.UTC())
		p.goTo(timeOf(p.T, tt.until))
		assert.Equal(p.T, []string{"reminder"}, p.Sent())
	})
}

// Case 24: the run's own step has just moved the date. A run that failed because its date had passed
// looks at the date again when it is retried.
func TestDelayUntil_DateThatTheRunMovedAndThatIsRetried(t *testing.T) {
	onEach(t, automation.Options{}, func(p *play) {
		p.Create(world.Flow("flow", "signup",
			automation.Step{Key: "move", Config: automation.ContactUpdate{Properties: map[string]automation.Value{"day": automation.Var("event.day")}}},
			automation.Step{Key: "until", Config: automation.DelayUntil{
				At: automation.Var("contact.properties.day"), Time: automation.MustParseLocalTime("09:00"), IfPast: automation.OtherwiseFail,
			}}, world.Email("hello")))
		c := p.AddContact(automation.Contact{Email: "ada@example.com", Properties: map[string]any{"day": "2020-01-01"}})
		p.Send(automation.Event{Name: "signup", Email: "ada@example.com", Payload: []byte(`{"day":"2026-03-05"}`)})
		p.Drain()
		require.Equal(p.T, timeOf(p.T, "2026-03-05T09:00:00Z"), p.Run().DueAt.UTC())
		_, err := p.UpdateContact(p.Ctx, c.ID, automation.ContactChange{Properties: map[string]any{"day": "2026-03-04"}})
		require.NoError(p.T, err)
		p.goTo(timeOf(p.T, "2026-03-05T09:00:00Z"))
		require.Equal(p.T, automation.FailedPast, p.Run().Error.Code)

		p.Retry(p.Run().ID)
		p.Drain()
		require.Equal(p.T, automation.FailedPast, p.Run().Error.Code)
		_, err = p.UpdateContact(p.Ctx, c.ID, automation.ContactChange{Properties: map[string]any{"day": "2026-03-09"}})
		require.NoError(p.T, err)
		p.Retry(p.Run().ID)
		p.Drain()
		assert.Equal(p.T, timeOf(p.T, "2026-03-09T09:00:00Z"), p.Run().DueAt.UTC())
		p.goTo(timeOf(p.T, "2026-03-09T09:00:00Z"))
		assert.Equal(p.T, []string{"hello"}, p.Sent())
	})
}

// Case 24: a contact directory that is down at the instant delays the run, and loses nothing.
// The date that the run has waited for is not past.
func TestDelayUntil_DirectoryIsDownAtTheInstant(t *testing.T) {
	onEach(t, automation.Options{}, func(p *play) {
		users := p.withUsers(true)
		users.Edit("u-ada", func(c *automation.Contact) {
			c.ID, c.Email = "u-ada", "ada@example.com"
			c.Properties = map[string]any{"starts_at": "2026-03-11T15:00:00Z", "timezone": "Europe/Berlin"}
		})
		p.Create(appointment())
		p.Send(automation.Event{Name: "signup", ContactID: "u-ada"})
		p.Drain()
		users.Lock(func() { users.Fail = func(string) error { return world.ErrOutage } })
		p.Clock.Set(timeOf(p.T, "2026-03-10T08:00:00Z"))
		_, err := p.Runner.Drain(p.Ctx)
		require.ErrorIs(p.T, err, world.ErrOutage)
		users.Lock(func() { users.Fail = nil })
		p.Pass(2 * time.Hour)
		assert.Equal(p.T, []string{"reminder"}, p.Sent())
	})
}

// localDate is a date and a time of day in a zone.
type localDate struct {
	date, time, zone string
	start            string // when the run starts
	until            string // the instant
}

// Case 7: a run sleeps until a time of day that clocks jump over or show twice, or until a day
// that a zone leaves out.
func TestDelayUntil_ClocksChange(t *testing.T) {
	table(t, automation.Options{}, map[string]localDate{
		"clocks go forward":                    {"2026-03-29", "02:30", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
		"clocks go back":                       {"2026-10-25", "02:30", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"},
		"the midnight that Sao Paulo left out": {"2018-11-04", "00:00", "America/Sao_Paulo", "2018-11-03T15:00:00Z", "2018-11-04T03:00:00Z"},
		"half an hour of Lord Howe":            {"2026-10-04", "02:10", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", "2026-10-03T15:30:00Z"},
		"the day that Samoa left out":          {"2011-12-30", "09:00", "Pacific/Apia", "2011-12-29T20:00:00Z", "2011-12-30T10:00:00Z"},
	}, func(p *play, tt localDate) {
		p.Clock.Set(timeOf(p.T, tt.start))
		p.Create(world.Flow("flow", "signup", automation.Step{Key: "until", Config: automation.DelayUntil{
			At: automation.String(tt.date), Time: automation.MustParseLocalTime(tt.time), Zone: automation.ContactZone(), IfPast: automation.OtherwiseFail,
		}}, world.Email("hello")))
		p.AddContact(automation.Contact{Email: "ada@example.com", Properties: map[string]any{"timezone": tt.zone}})
		p.Send(world.Signup("ada@example.com"))
		p.Drain()
		require.Equal(p.T, timeOf(p.T, tt.until), p.Run().DueAt.UTC())
		p.goTo(timeOf(p.T, tt.until).Add(-time.Microsecond))
		require.Empty(p.T, p.Sent())
		p.goTo(timeOf(p.T, tt.until))
		assert.Equal(p.T, []string{"hello"}, p.Sent())
	})
}

// heldRun is a run that waits for a window.
type heldRun struct {
	window  automation.Window
	zone    string
	start   string
	opens   string // when the run first continues
	move    string // the zone to which the contact moves meanwhile
	wake    string // when a process works again; "" at the opening
	through string // when the run is through
}

// Cases 7 and 23: a window step holds a run over clock changes, a zone that changes meanwhile, and a process
// that is down. Windows over a change open once.
func TestWindow_HoldsARun(t *testing.T) {
	table(t, automation.Options{}, map[string]heldRun{
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
	}, func(p *play, tt heldRun) {
		p.Clock.Set(timeOf(p.T, tt.start))
		p.Create(world.Flow("flow", "signup", automation.Step{Key: "open", Config: tt.window}, world.Email("hello")))
		c := p.AddContact(automation.Contact{Email: "ada@example.com", Properties: map[string]any{"timezone": tt.zone}})
		p.Send(world.Signup("ada@example.com"))
		p.Drain()
		require.Equal(p.T, timeOf(p.T, tt.opens), p.Run().DueAt.UTC())
		p.goTo(timeOf(p.T, tt.opens).Add(-time.Microsecond))
		require.Empty(p.T, p.Sent())
		if tt.move != "" {
			_, err := p.UpdateContact(p.Ctx, c.ID, automation.ContactChange{Properties: map[string]any{"timezone": tt.move}})
			require.NoError(p.T, err)
		}
		wake := cmp.Or(tt.wake, tt.opens)
		p.goTo(timeOf(p.T, wake))
		if tt.through != wake {
			require.Empty(p.T, p.Sent())
			require.Equal(p.T, timeOf(p.T, tt.through), p.Run().DueAt.UTC())
			p.goTo(timeOf(p.T, tt.through))
		}
		assert.Equal(p.T, map[string]time.Time{"hello": timeOf(p.T, tt.through)}, p.sentAt())
	})
}

// agedRun is a run with a greatest age that waits for 09:00.
type agedRun struct {
	maxAge string
	wake   string // when a process works again
	sent   bool
}

// Case 23: a run that reaches its greatest age before its window opens is cancelled, and sends
// nothing.
func TestWindow_MaxAgeComesBeforeTheOpening(t *testing.T) {
	table(t, automation.Options{}, map[string]agedRun{
		"before the opening":  {"14 hours", "2026-03-03T08:00:00Z", false},
		"a node that is late": {"14 hours", "2026-03-03T12:00:00Z", false},
		"after the opening":   {"16 hours", "2026-03-03T09:00:00Z", true},
	}, func(p *play, tt agedRun) {
		p.Clock.Set(timeOf(p.T, "2026-03-02T18:00:00Z"))
		window := automation.Window{Hours: hoursFrom("09:00", "17:00")}
		for id, steps := range map[string][]automation.Step{
			"step":  {{Key: "open", Config: window}, world.Email("hello")},
			"email": {{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "hello"}, Window: window}}},
		} {
			a := world.Flow(id, "signup", steps...)
			a.Exit = &automation.Exit{MaxAge: automation.MustParseDuration(tt.maxAge)}
			p.Create(a)
		}
		p.Send(world.Signup("ada@example.com"))
		p.Drain()
		p.goTo(timeOf(p.T, tt.wake))
		p.goTo(timeOf(p.T, "2026-03-04T12:00:00Z"))
		runs := p.Runs()
		require.Len(p.T, runs, 2)
		for _, run := range runs {
			if tt.sent {
				assert.Equal(p.T, automation.RunCompleted, run.Status, run.AutomationID)
				continue
			}
			assert.Equal(p.T, automation.RunCancelled, run.Status, run.AutomationID)
			assert.Equal(p.T, automation.CancelledMaxAge, run.Error.Code)
			assert.Empty(p.T, world.Step(p.T, run, "hello").Attempts)
		}
		assert.Equal(p.T, tt.sent, len(p.Sent()) == 2, "%v", p.Sent())
		p.checkEmails()
	})
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
			onEach(t, opts, func(p *play) {
				night := world.Email("night")
				night.Config = automation.SendEmail{
					Template: automation.TemplateRef{ID: "night"},
					Window:   automation.Window{Hours: hoursFrom("21:00", "06:00"), Zone: automation.ZoneOf("UTC")},
				}
				p.Create(world.Flow("flow", "signup", world.Email("day"), night))
				c := p.AddContact(automation.Contact{Email: "ada@example.com", Properties: map[string]any{"tz": "America/New_York"}})
				p.Clock.Set(timeOf(p.T, "2026-03-03T00:50:00Z")) // 19:50 in New York
				p.Mailer.Respond = func(context.Context, automation.Email) error { return assert.AnError }
				p.Send(world.Signup("ada@example.com"))
				p.Drain()
				require.Equal(p.T, timeOf(p.T, "2026-03-03T01:20:00Z"), p.Run().DueAt.UTC(), "in back-off")
				p.Pass(30 * time.Minute)
				run := p.Run()
				require.Equal(p.T, timeOf(p.T, "2026-03-03T13:00:00Z"), run.DueAt.UTC(), "closed")
				require.Len(p.T, world.Step(p.T, run, "day").Attempts, 1)
				require.Equal(p.T, automation.StepWaiting, world.Step(p.T, run, "day").Status)
				email := "lovelace@example.com"
				_, err := p.UpdateContact(p.Ctx, c.ID, automation.ContactChange{Email: &email})
				require.NoError(p.T, err)
				p.Mailer.Respond = nil
				p.goTo(timeOf(p.T, "2026-03-03T13:00:00Z"))
				require.Equal(p.T, []string{"day"}, p.Sent())
				assert.Equal(p.T, email, p.Mailer.Emails()[0].To)
				assert.Equal(p.T, 2, p.Mailer.Emails()[0].Attempt)
				assert.Equal(p.T, timeOf(p.T, "2026-03-03T21:00:00Z"), p.Run().DueAt.UTC(), "the window of the step")
				p.goTo(timeOf(p.T, "2026-03-03T22:00:00Z"))
				assert.Equal(p.T, []string{"day", "night"}, p.Sent())
			})
		})
	}
}

// A run that waits for the window of its email can be cancelled, and a contact that has
// unsubscribed meanwhile gets nothing.
func TestEmail_WaitsForItsWindowInVain(t *testing.T) {
	opts := automation.Options{Window: automation.Window{Hours: hoursFrom("12:00", "13:00")}, MaxLateness: time.Minute}
	onEach(t, opts, func(p *play) {
		p.Create(world.Flow("flow", "signup", world.Email("hello")))
		p.AddContacts(4)
		p.Send(world.Signups(4)...)
		p.Drain()
		_, err := p.CancelRun(p.Ctx, p.RunOf("0").ID)
		require.NoError(p.T, err)
		yes := true
		_, err = p.UpdateContact(p.Ctx, "1", automation.ContactChange{Unsubscribed: &yes})
		require.NoError(p.T, err)
		require.NoError(p.T, p.DeleteContact(p.Ctx, "2"))
		p.Drain()
		p.goTo(timeOf(p.T, "2026-03-02T12:01:00Z"))
		assert.Equal(p.T, automation.RunCancelled, p.RunOf("0").Status)
		assert.JSONEq(p.T, `{"reason":"unsubscribed"}`, string(world.Step(p.T, p.RunOf("1"), "hello").Output))
		require.Equal(p.T, []string{"hello"}, p.Sent())
		assert.Equal(p.T, "3@example.com", p.Mailer.Emails()[0].To)

		p.Send(world.Signup("4@example.com"))
		p.goTo(timeOf(p.T, "2026-03-03T09:00:00Z")) // handled late
		p.goTo(timeOf(p.T, "2026-03-03T12:02:00Z")) // late after the opening
		assert.Len(p.T, p.Sent(), 1)
	})
}

// The window closes while an email waits for its turn: it leaves on the next day.
func TestEmail_WindowClosesBeforeItsTurn(t *testing.T) {
	for _, delivery := range []automation.Delivery{automation.AtLeastOnce, automation.AtMostOnce} {
		t.Run(string(delivery), func(t *testing.T) {
			opts := automation.Options{Delivery: delivery, Window: automation.Window{Hours: hoursFrom("09:00", "17:00")}, Concurrency: 1}
			onEach(t, opts, func(p *play) {
				p.Create(world.Flow("flow", "signup", world.Email("hello")))
				p.AddContacts(2)
				p.Clock.Set(timeOf(p.T, "2026-03-02T16:59:59Z"))
				p.Mailer.Respond = func(context.Context, automation.Email) error { p.Clock.Add(time.Second); return nil }
				p.Send(world.Signups(2)...)
				p.Drain()
				assert.Len(p.T, p.Sent(), 1)
				p.Mailer.Respond = nil
				p.goTo(timeOf(p.T, "2026-03-03T08:00:00Z"))
				assert.Len(p.T, p.Sent(), 1)
				p.goTo(timeOf(p.T, "2026-03-03T09:00:00Z"))
				assert.Len(p.T, p.Sent(), 2)
				for _, e := range p.Mailer.Emails() {
					assert.Equal(p.T, 1, e.Attempt)
				}
			})
		})
	}
}
