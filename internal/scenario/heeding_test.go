package scenario_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// The exit is accepted while the third of several emails is with the mailer. All of them would
// follow one another under one lease.
func TestRun_BeginsNoEmailAfterAnExit(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{})
		a := world.Flow("dunning", "signup", world.Email("one"), world.Email("two"), world.Email("three"), world.Email("four"), world.Email("five"))
		a.Exit = &automation.Exit{Events: []automation.Listener{{EventName: "paid"}}}
		w.Create(a)
		w.Mailer.Respond = func(ctx context.Context, e automation.Email) error {
			if e.TemplateID != "three" {
				return nil
			}
			_, err := w.Runner.Send(ctx, automation.Event{Name: "paid", Email: e.To})
			return err
		}
		defer w.Serve(w.Runner)()
		w.Send(world.Signups(1)...)
		synctest.Wait()
		run := w.Run()
		assert.Equal(t, []string{"one", "two", "three"}, w.Sent())
		assert.Equal(t, automation.RunCompleted, run.Status)
		if assert.NotNil(t, run.Exit) {
			assert.Equal(t, "four", run.Exit.Step)
		}
	})
}

// A run whose exit comes in the claim that starts it has begun nothing.
func TestRun_ExitsBeforeItsFirstEffect(t *testing.T) {
	t.Parallel()
	for _, delivery := range []automation.Delivery{automation.AtLeastOnce, automation.AtMostOnce} {
		t.Run(string(delivery), func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{Delivery: delivery})
			a := world.Flow("dunning", "signup", world.Email("one"), world.Email("two"))
			a.Exit = &automation.Exit{Events: []automation.Listener{{EventName: "paid"}}}
			w.Create(a)
			w.AddContacts(1)
			w.Send(automation.Event{Name: "signup", ContactID: "0"}, automation.Event{Name: "paid", ContactID: "0"})
			w.Drain()
			run := w.Run()
			assert.Empty(t, w.Sent())
			assert.Equal(t, automation.RunCompleted, run.Status)
			assert.Nil(t, run.Error)
			if assert.NotNil(t, run.Exit) {
				assert.Equal(t, "one", run.Exit.Step)
			}
			step := world.Step(t, run, "one")
			assert.Empty(t, step.Attempts, "it has not begun")
			assert.Equal(t, automation.StepCancelled, step.Status)
		})
	}
}
