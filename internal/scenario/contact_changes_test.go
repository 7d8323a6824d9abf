package scenario_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestContact_ChangesUnderItsRuns(t *testing.T) {
	t.Parallel()
	t.Run("unsubscribes", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		runAtEveryStep(w)
		yes := true
		_, err := w.UpdateContact(t.Context(), w.Contact("ada@example.com").ID, automation.ContactChange{Unsubscribed: &yes})
		require.NoError(t, err)
		finish(w)
		requireAll(w, automation.RunCompleted)
		assert.Empty(t, w.Mailer.Emails())
		for _, r := range w.Runs() {
			assert.Equal(t, automation.StepSkipped, world.Step(t, r, "end").Status)
			assert.JSONEq(t, `{"reason":"unsubscribed"}`, string(world.Step(t, r, "end").Output))
		}
	})
	t.Run("changes email and name", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		runAtEveryStep(w)
		address, name := "lovelace@example.com", "Augusta"
		_, err := w.UpdateContact(t.Context(), w.Contact("ada@example.com").ID, automation.ContactChange{Email: &address, FirstName: &name})
		require.NoError(t, err)
		w.Pass(time.Minute)
		w.Pass(24 * time.Hour)
		w.Clock.Add(time.Second)
		_, err = w.Runner.Send(t.Context(), automation.Event{Name: "order.paid", Email: "LOVELACE@example.com"})
		require.NoError(t, err)
		w.Drain()
		requireAll(w, automation.RunCompleted)
		require.Len(t, w.Mailer.Emails(), 4)
		for _, e := range w.Mailer.Emails() {
			assert.Equal(t, address, e.To)
			assert.Equal(t, name, e.Contact.FirstName)
		}
	})
	t.Run("is deleted", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		runAtEveryStep(w)
		old := w.Contact("ada@example.com").ID
		require.NoError(t, w.DeleteContact(t.Context(), old))
		// A contact with the same email does not revive the runs.
		_, err := w.CreateContact(t.Context(), automation.Contact{Email: "ada@example.com"})
		require.NoError(t, err)
		w.Send(world.ForAda("order.paid", nil))
		w.Drain()
		requireAll(w, automation.RunCancelled)
		for _, r := range w.Runs() {
			assert.Equal(t, automation.CancelledContactGone, r.Error.Code)
		}
		finish(w)
		assert.Empty(t, w.Mailer.Emails())
	})
	// The next step reads a change that happens while an email is in flight.
	for name, tc := range map[string]struct {
		next   automation.Step
		change func(t *testing.T, w *world.World)
		check  func(t *testing.T, w *world.World)
	}{
		"is deleted while a send is in flight, before a wait": {
			world.Wait("next", "order.paid"), deleteContact, checkCancelled,
		},
		"is deleted while a send is in flight, before a delay": {
			world.Pause("next", "1 hour"), deleteContact, checkCancelled,
		},
		"is deleted while a send is in flight, before another": {
			world.Email("next"), deleteContact, checkCancelled,
		},
		"unsubscribes while a send is in flight": {
			world.Email("next"),
			func(t *testing.T, w *world.World) {
				yes := true
				_, err := w.UpdateContact(t.Context(), w.Contact("ada@example.com").ID, automation.ContactChange{Unsubscribed: &yes})
				require.NoError(t, err)
			},
			func(t *testing.T, w *world.World) {
				assert.Equal(t, automation.StepSkipped, world.Step(t, w.Run(), "next").Status)
				assert.Len(t, w.Mailer.Emails(), 1)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			w.Create(world.Flow("", "user.created", world.Email("first"), tc.next))
			w.Mailer.Respond = func(context.Context, automation.Email) error {
				w.Mailer.Respond = nil
				tc.change(t, w)
				return nil
			}
			w.Send(world.ForAda("user.created", nil))
			w.Drain()
			tc.check(t, w)
			assert.Equal(t, automation.StepCompleted, world.Step(t, w.Run(), "first").Status)
		})
	}
	t.Run("is deleted by a run of its own", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("", "user.created", world.Wait("wait", "account.closed"), automation.Step{Key: "delete", Config: automation.ContactDelete{}}, world.Email("never")))
		w.Create(world.Flow("", "user.created", world.Wait("wait", "account.closed"), automation.Step{Key: "join", Config: automation.AddToSegment{SegmentID: "gone"}}))
		w.Create(world.Flow("", "user.created", world.Pause("pause", "1 day"), world.Email("later")))
		w.Send(world.ForAda("user.created", nil))
		w.Drain()
		w.Clock.Add(time.Second)
		w.Send(world.ForAda("account.closed", nil))
		w.Drain()
		runs := w.Runs()
		require.Len(t, runs, 3)
		assert.Equal(t, automation.RunCancelled, runs[0].Status)
		assert.Equal(t, automation.RunCancelled, runs[1].Status)
		assert.Equal(t, automation.CancelledContactGone, runs[1].Error.Code)
		assert.Equal(t, automation.RunCompleted, runs[2].Status)
		assert.Equal(t, automation.StepSkipped, world.Step(t, runs[2], "never").Status)
	})
	t.Run("is deleted by the first of the runs that an event starts", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("", "user.created", automation.Step{Key: "delete", Config: automation.ContactDelete{}}))
		w.Create(world.Flow("", "user.created", automation.Step{Key: "join", Config: automation.AddToSegment{SegmentID: "gone"}}))
		w.Send(world.ForAda("user.created", nil))
		w.Drain()
		runs := w.Runs()
		require.Len(t, runs, 2, "the event starts a run of every automation")
		assert.Equal(t, automation.RunCancelled, runs[0].Status)
		assert.Equal(t, automation.CancelledContactGone, runs[0].Error.Code)
		assert.Equal(t, automation.RunCompleted, runs[1].Status)
	})
}

func deleteContact(t *testing.T, w *world.World) {
	require.NoError(t, w.DeleteContact(t.Context(), w.Contact("ada@example.com").ID))
}

func checkCancelled(t *testing.T, w *world.World) {
	run := w.Run()
	require.Equal(t, automation.RunCancelled, run.Status, "at %s", run.Step)
	assert.Equal(t, automation.CancelledContactGone, run.Error.Code)
	assert.Len(t, w.Mailer.Emails(), 1)
}

func TestUpdateContact_IsSeenByRunsFromTheirNextStep(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	c := w.AddContact(automation.Contact{Email: "ada@example.com"})
	w.Create(world.Flow("welcome", "signup", world.Email("hello"), world.Pause("rest", "1 day"), world.Email("tips")))
	w.Send(automation.Event{Name: "signup", ContactID: c.ID})
	w.Drain()
	email := "ada@new.example.com"
	_, err := w.UpdateContact(w.Ctx, c.ID, automation.ContactChange{Email: &email})
	require.NoError(t, err)
	w.Pass(24 * time.Hour)
	emails := w.Mailer.Emails()
	require.Len(t, emails, 2)
	assert.Equal(t, []string{"ada@example.com", email}, []string{emails[0].To, emails[1].To})
}

func TestDeleteContact_CancelsItsRunsForGood(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	c := w.AddContact(automation.Contact{Email: "ada@example.com"})
	w.Create(world.Flow("welcome", "signup", world.WaitUpTo("confirmed", "confirm", "30 days"), world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	require.NoError(t, w.DeleteContact(w.Ctx, c.ID))
	w.AddContact(automation.Contact{Email: "ada@example.com"})
	w.Send(automation.Event{Name: "confirm", Email: "ada@example.com"})
	w.Drain()
	run := w.Run()
	assert.Equal(t, automation.RunCancelled, run.Status)
	assert.Equal(t, automation.CancelledContactGone, run.Error.Code)
	assert.Empty(t, w.Sent(), "a contact made later does not revive the run")
}

func TestDeleteContact_ByARunCancelsTheOtherRunInFlight(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{})
		gates := map[string]*world.Gate{"one": world.NewGate(), "two": world.NewGate()}
		w.Mailer.Respond = func(ctx context.Context, e automation.Email) error { return gates[e.TemplateID].Respond(ctx, e) }
		w.Create(world.Flow("first", "signup", world.Email("one"), automation.Step{Key: "delete", Config: automation.ContactDelete{}}))
		w.Create(world.Flow("second", "signup", world.Email("two"), world.SetFirstName("x")))
		w.Serve(w.Runner)
		w.Send(world.Signup("ada@example.com"))
		synctest.Wait()
		gates["one"].Open()
		synctest.Wait()
		gates["two"].Open()
		world.Advance(time.Second)
		for _, run := range w.Runs() {
			if run.AutomationID == "second" {
				assert.Equal(t, automation.RunCancelled, run.Status, fmt.Sprint(run.Error))
			}
		}
	})
}

func TestContact_ChangesWhileAnEmailIsInLine(t *testing.T) {
	tests := map[string]func(w *world.World){
		"unsubscribed": func(w *world.World) {
			yes := true
			_, err := w.UpdateContact(w.Ctx, "bob", automation.ContactChange{Unsubscribed: &yes})
			require.NoError(w.T, err)
		},
		"cancelled": func(w *world.World) {
			page, _ := w.ListRuns(w.Ctx, automation.RunQuery{ContactID: "bob"})
			_, err := w.CancelRun(w.Ctx, page.Data[0].ID)
			require.NoError(w.T, err)
		},
		"deleted": func(w *world.World) { require.NoError(w.T, w.DeleteContact(w.Ctx, "bob")) },
	}
	for name, meanwhile := range tests {
		t.Run(name, func(t *testing.T) {
			world.Bubble(t, func(t *testing.T) {
				w := world.InBubble(t, automation.Options{Concurrency: 1, EffectTimeout: time.Hour})
				w.Create(world.Flow("welcome", "signup", world.Email("hello")))
				for _, n := range []string{"ada", "bob"} {
					w.AddContact(automation.Contact{ID: n, Email: n + "@example.com"})
				}
				g := world.NewGate()
				w.Mailer.Respond = g.Respond
				w.Serve(w.Runner)
				w.Send(world.Signup("ada@example.com"))
				synctest.Wait()
				w.Send(world.Signup("bob@example.com"))
				world.Advance(10 * time.Minute) // bob's email waits for its turn
				meanwhile(w)
				world.Advance(time.Minute)
				g.Open()
				world.Advance(time.Minute)
				assert.Empty(t, w.Mailer.To("bob@example.com"))
			})
		})
	}
}

// An email that waits until other emails are sent goes to the contact as it is after the
// wait.
func TestContact_IsReadAgainAfterAWaitForATurn(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{Concurrency: 1})
		for _, id := range []string{"ada", "grace", "linus"} {
			w.AddContact(automation.Contact{ID: id, Email: id + "@example.com"})
		}
		g := world.NewGate()
		w.Mailer.Respond = g.Respond
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Serve(w.Runner)
		w.Send(world.Signup("ada@example.com"))
		synctest.Wait()
		w.Send(world.Signup("grace@example.com"), world.Signup("linus@example.com"))
		world.Advance(5 * time.Second)
		unsubscribed := true
		_, err := w.UpdateContact(w.Ctx, "grace", automation.ContactChange{Unsubscribed: &unsubscribed})
		require.NoError(t, err)
		require.NoError(t, w.DeleteContact(w.Ctx, "linus"))
		g.Open()
		synctest.Wait()
		assert.Len(t, w.Mailer.To("ada@example.com"), 1)
		assert.Len(t, w.Mailer.Emails(), 1)
		runs := w.Runs()
		require.Len(t, runs, 3)
		assert.Equal(t, automation.RunCancelled, runs[0].Status)
		assert.Equal(t, automation.StepSkipped, world.Step(t, runs[1], "hello").Status)
	})
}
