package scenario_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestDirectory_ContactsAreChangedByEffects(t *testing.T) {
	t.Parallel()
	u := world.NewUsers(world.Ada)
	w := world.NewWithUsers(t, u, automation.Options{})
	w.Create(world.Flow("welcome", "signup",
		automation.Step{Key: "update", Config: automation.ContactUpdate{
			LastName: automation.Var("event.last"), Properties: map[string]automation.Value{"plan": automation.String("pro")},
		}},
		automation.Step{Key: "segment", Config: automation.AddToSegment{SegmentID: "vip"}},
		world.Email("hello"),
		automation.Step{Key: "bye", Config: automation.ContactDelete{}}, world.Email("never")))
	e := world.Signup("ada@EXAMPLE.com")
	e.Payload = automation.Payload(map[string]any{"last": "Lovelace"})
	w.Send(e)
	w.Drain()

	run := w.Run()
	assert.Equal(t, automation.RunCompleted, run.Status)
	assert.Equal(t, "u-ada", run.ContactID)
	assert.JSONEq(t, `{"last_name":"Lovelace","properties":{"plan":"pro"}}`, string(world.Step(t, run, "update").Output))
	assert.JSONEq(t, `{"segment_id":"vip"}`, string(world.Step(t, run, "segment").Output))
	assert.Equal(t, automation.StepSkipped, world.Step(t, run, "never").Status)
	require.Len(t, w.Mailer.Emails(), 1)
	seen := w.Mailer.Emails()[0].Contact
	assert.Equal(t, "Lovelace", seen.LastName, "an effect sees what the one before has changed")
	assert.Equal(t, []string{"vip"}, seen.Segments)
	assert.Equal(t, 2, u.Calls("change"))
	assert.Empty(t, u.Rows())
}

func TestDirectory_FailedChangesAreTriedAgain(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"change", "delete"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			u := world.NewUsers(world.Ada)
			w := world.NewWithUsers(t, u, automation.Options{})
			step := automation.Step{Key: "it", Config: automation.ContactDelete{}}
			if call == "change" {
				step.Config = automation.AddToSegment{SegmentID: "vip"}
			}
			w.Create(world.Flow("welcome", "signup", step))
			left := 2
			u.Fail = func(c string) error {
				if left > 0 && c == call {
					left--
					return world.ErrOutage
				}
				return nil
			}
			w.Send(world.Signup("ada@example.com"))
			w.Drain()
			w.Pass(time.Second)
			assert.Equal(t, automation.RunRunning, w.Run().Status)
			w.Pass(2 * time.Second)
			assert.Equal(t, automation.RunCompleted, w.Run().Status)
			assert.Len(t, world.Step(t, w.Run(), "it").Attempts, 2)
			assert.Equal(t, 3, u.Calls(call))
		})
	}
}

func TestDirectory_PermanentErrorFailsTheStep(t *testing.T) {
	t.Parallel()
	u := world.NewUsers(world.Ada)
	w := world.NewWithUsers(t, u, automation.Options{})
	w.Create(world.Flow("welcome", "signup", automation.Step{Key: "it", Config: automation.AddToSegment{SegmentID: "gone"}}))
	u.Fail = func(c string) error {
		if c == "change" {
			return automation.Permanent(errors.New("no such segment"))
		}
		return nil
	}
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	assert.Equal(t, automation.FailedPermanently, w.Run().Error.Code)
}

func TestDirectory_ContactsAreReadBeforeEachEffect(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		edit   func(c *automation.Contact)
		to     []string
		status automation.StepStatus
	}{
		"another address": {func(c *automation.Contact) { c.Email = "new@example.com" }, []string{"new@example.com"}, automation.StepCompleted},
		"unsubscribed":    {func(c *automation.Contact) { c.Unsubscribed = true }, nil, automation.StepSkipped},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := world.NewUsers(world.Ada)
			w := world.NewWithUsers(t, u, automation.Options{})
			w.Create(world.Flow("welcome", "signup", world.Email("hello")))
			attempts := 0
			w.Mailer.Respond = func(context.Context, automation.Email) error {
				if attempts++; attempts == 1 {
					u.Edit("u-ada", tt.edit)
					return world.ErrOutage
				}
				return nil
			}
			w.Send(automation.Event{Name: "signup", ContactID: "u-ada"})
			w.Drain()
			w.Pass(time.Second)
			var to []string
			for _, e := range w.Mailer.Emails() {
				to = append(to, e.To)
			}
			assert.Equal(t, tt.to, to)
			assert.Equal(t, tt.status, world.Step(t, w.Run(), "hello").Status)
		})
	}
}

func TestDirectory_ContactDeletedByTheHostCancelsRuns(t *testing.T) {
	t.Parallel()
	u := world.NewUsers(world.Ada)
	w := world.NewWithUsers(t, u, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Pause("rest", "1 day"), world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	require.NoError(t, u.DeleteContact(w.Ctx, "u-ada"))
	w.Pass(24 * time.Hour)
	assert.Equal(t, automation.CancelledContactGone, w.Run().Error.Code)
	assert.Empty(t, w.Sent())
}

func TestDirectory_DeleteStepCancelsTheOtherRuns(t *testing.T) {
	t.Parallel()
	w := world.NewWithUsers(t, world.NewUsers(world.Ada), automation.Options{})
	w.Create(world.Flow("waits", "signup", automation.Step{Key: "wait", Config: automation.WaitForEvent{EventName: "active"}}))
	w.Create(world.Flow("deletes", "leave", automation.Step{Key: "delete", Config: automation.ContactDelete{}}))
	w.Send(automation.Event{Name: "signup", ContactID: "u-ada"})
	w.Drain()
	w.Send(automation.Event{Name: "leave", ContactID: "u-ada"})
	w.Drain()
	w.Pass(365 * 24 * time.Hour)
	for _, run := range w.Runs() {
		assert.NotEqual(t, automation.RunRunning, run.Status, run.AutomationID)
	}
}

func TestDirectory_ConditionSeesTheChangeBeforeIt(t *testing.T) {
	t.Parallel()
	for name, host := range map[string]bool{"built in": false, "host": true} {
		t.Run(name, func(t *testing.T) {
			var w *world.World
			if host {
				w = world.NewWithUsers(t, world.NewUsers(world.Ada), automation.Options{})
			} else {
				w = world.New(t, automation.Options{})
			}
			a := world.Flow("welcome", "signup", world.SetFirstName("Zoe"),
				automation.Step{Key: "check", Config: automation.Condition{Rule: automation.Field("contact.first_name").Eq("Zoe")}})
			a.Steps = append(a.Steps, world.Email("hello"))
			a.Connections = append(a.Connections, automation.Connection{From: "check", To: "hello", Type: automation.ConnectionConditionMet})
			w.Create(a)
			w.Send(world.Signup("ada@example.com"))
			w.Drain()
			assert.Equal(t, []string{"hello"}, w.Sent(), string(world.Step(t, w.Run(), "check").Output))
		})
	}
}

func TestDirectory_ContactsAreCreatedWhenARunStarts(t *testing.T) {
	t.Parallel()
	u := world.NewUsers()
	w := world.NewWithUsers(t, u, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.Send(automation.Event{Name: "other", Email: "eve@example.com"})
	w.Drain()
	assert.Zero(t, u.Calls("create"), "an event that starts no run creates no contact")

	w.Send(world.Signup("bob@example.com"), world.Signup("BOB@example.com"))
	w.Drain()
	assert.Len(t, u.Rows(), 1)
	runs := w.Runs()
	require.Len(t, runs, 2)
	assert.Equal(t, runs[0].ContactID, runs[1].ContactID)
	assert.Len(t, w.Sent(), 2)
}

func TestDirectory_UnknownIDIsRefused(t *testing.T) {
	t.Parallel()
	w := world.NewWithUsers(t, world.NewUsers(world.Ada), automation.Options{})
	_, err := w.Runner.Send(w.Ctx, automation.Event{Name: "signup", ContactID: "u-bob"})
	require.ErrorIs(t, err, automation.ErrNotFound)
	u := world.NewUsers(world.Ada)
	u.Fail = func(string) error { return world.ErrOutage }
	_, err = world.NewWithUsers(t, u, automation.Options{}).Runner.Send(t.Context(), world.Signup("ada@example.com"))
	assert.ErrorIs(t, err, world.ErrOutage)
}

func TestDirectory_ContactsAreReadAndChangedThere(t *testing.T) {
	t.Parallel()
	u := world.NewUsers(world.Ada)
	w := world.NewWithUsers(t, u, automation.Options{})
	yes := true
	changed, err := w.UpdateContact(w.Ctx, world.Ada.ID, automation.ContactChange{Unsubscribed: &yes})
	require.NoError(t, err)
	assert.True(t, changed.Unsubscribed)
	assert.True(t, u.Rows()[world.Ada.ID].Unsubscribed)
	found, err := w.GetContact(w.Ctx, automation.ContactRef{Email: "ADA@example.com"})
	require.NoError(t, err)
	assert.Equal(t, changed, found)
	_, err = w.GetContact(w.Ctx, automation.ContactRef{ID: "u-bob"})
	require.ErrorIs(t, err, automation.ErrNotFound)
	noAddress := "no-address"
	_, err = w.UpdateContact(w.Ctx, world.Ada.ID, automation.ContactChange{Email: &noAddress})
	assert.ErrorIs(t, err, automation.ErrInvalid)
}

func TestDirectory_ContactsAreNotCreatedDeletedOrListedHere(t *testing.T) {
	t.Parallel()
	w := world.NewWithUsers(t, world.NewUsers(world.Ada), automation.Options{})
	calls := map[string]func() error{
		"create": func() error { _, err := w.CreateContact(w.Ctx, world.Ada); return err },
		"delete": func() error { return w.DeleteContact(w.Ctx, world.Ada.ID) },
		"list":   func() error { _, err := w.ListContacts(w.Ctx, automation.ContactQuery{}); return err },
	}
	for name, call := range calls {
		assert.ErrorIs(t, call(), errors.ErrUnsupported, name)
	}
}

// An outage of the host's database for a minute spends no attempt, and an effect whose
// attempt was never open does not fail as unknown.
func TestDirectory_OutageBeforeAnEffectSpendsNoAttempt(t *testing.T) {
	for _, mode := range []string{"Drain", "Run"} {
		t.Run(mode, func(t *testing.T) {
			world.Bubble(t, func(t *testing.T) {
				u := world.NewUsers(world.Ada)
				w := world.NewWithUsers(t, u, automation.Options{Clock: automation.SystemClock(), Delivery: automation.AtMostOnce})
				w.Create(world.Flow("welcome", "signup", world.Email("hello")))
				w.Send(world.Signup("ada@example.com"))
				finds, down := 0, true
				u.Fail = func(call string) error {
					if call != "find" || !down {
						return nil
					}
					if finds++; finds%2 == 0 { // the read after the claim succeeds, the next one fails
						return world.ErrOutage
					}
					return nil
				}
				work := func(d time.Duration) { world.Advance(d) }
				if mode == "Run" {
					w.Serve(w.Runner)
				} else {
					work = func(d time.Duration) {
						world.Advance(d)
						_, _ = w.Runner.Drain(w.Ctx)
					}
				}
				for range 60 {
					work(time.Second)
				}
				require.Equal(t, automation.RunRunning, w.Run().Status)
				assert.Less(t, u.Calls("find"), 200, "the Runner pauses between its calls")
				u.Lock(func() { down = false })
				work(2 * time.Second)
				run := w.Run()
				assert.Equal(t, automation.RunCompleted, run.Status)
				assert.Empty(t, world.Step(t, run, "hello").Attempts)
				assert.Equal(t, []string{"hello"}, w.Sent())
			})
		})
	}
}

// If the contact cannot be read, the outcome of another run must not get lost.
func TestDirectory_OutageLosesNoOutcome(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		u := world.NewUsers(world.Ada)
		w := world.NewWithUsers(t, u, automation.Options{Clock: automation.SystemClock(), Delivery: automation.AtMostOnce})
		gates := map[string]*world.Gate{"one": world.NewGate(), "slow": world.NewGate(), "two": world.NewGate()}
		gates["two"].Open()
		w.Mailer.Respond = func(ctx context.Context, e automation.Email) error {
			return gates[e.TemplateID].Respond(ctx, e)
		}
		w.Create(world.Flow("first", "signup", world.Email("one"), world.Email("two")))
		w.Create(world.Flow("second", "signup", world.Email("slow")))
		w.Serve(w.Runner)
		w.Send(world.Signup("ada@example.com"))
		synctest.Wait()
		u.Lock(func() { u.Fail = func(string) error { return world.ErrOutage } })
		gates["one"].Open() // the next effect needs the contact
		synctest.Wait()
		gates["slow"].Open()
		synctest.Wait()
		u.Lock(func() { u.Fail = nil })
		world.Advance(2 * time.Minute)
		for _, run := range w.Runs() {
			assert.Equal(t, automation.RunCompleted, run.Status, run.AutomationID)
		}
		assert.ElementsMatch(t, []string{"one", "two", "slow"}, w.Sent())
	})
}

type findDeadline struct {
	*world.Users
	bounded []bool
}

func (f *findDeadline) FindContact(ctx context.Context, ref automation.ContactRef) (automation.Contact, error) {
	_, ok := ctx.Deadline()
	f.bounded = append(f.bounded, ok)
	return f.Users.FindContact(ctx, ref)
}

func TestDirectory_CallsAreBoundedByEffectTimeout(t *testing.T) {
	t.Parallel()
	u := &findDeadline{Users: world.NewUsers()}
	w := world.New(t, automation.Options{Contacts: u})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.Send(world.Signup("new@example.com"))
	u.bounded = nil
	w.Drain()
	assert.NotContains(t, u.bounded, false)
}

func TestDirectory_ChangesAreObserved(t *testing.T) {
	t.Parallel()
	j := &world.Journal{}
	w := world.NewWithUsers(t, world.NewUsers(world.Ada), automation.Options{Observer: j})
	w.Create(world.Flow("welcome", "signup",
		automation.Step{Key: "name", Config: automation.ContactUpdate{FirstName: automation.String("Augusta")}},
		automation.Step{Key: "bye", Config: automation.ContactDelete{}}))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	assert.Equal(t, []string{
		"accepted signup", "started welcome", "step start completed, 0 failed", "step name running, 0 failed",
		"handled signup, started 1, resumed 0",
		"changed Augusta", "step name completed, 0 failed", "step bye running, 0 failed",
		"deleted", "step bye completed, 0 failed", "ended completed",
	}, j.Take())
}
