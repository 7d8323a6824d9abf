package scenario_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestDrain_DoesWhatBecomesDueByDoingIt(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("first", "signup", world.Email("hello")))
	w.Create(world.Flow("second", "order", world.Email("thanks")))
	w.Mailer.Respond = func(ctx context.Context, e automation.Email) error {
		if e.TemplateID != "hello" {
			return nil
		}
		_, err := w.Runner.Send(ctx, automation.Event{Name: "order", Email: e.To})
		return err
	}
	w.Send(world.Signup("ada@example.com"))
	assert.Positive(t, w.Drain())
	assert.Equal(t, []string{"hello", "thanks"}, w.Sent())
	assert.Zero(t, w.Drain(), "nothing is left")
}

func TestDrain_CountsEventsAndSteps(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.AddContact(automation.Contact{ID: "ada", Email: "ada@example.com"})
	w.Create(world.Flow("welcome", "signup", world.Pause("rest", "1 day"), world.Email("hello")))
	w.Send(automation.Event{Name: "nothing", ContactID: "ada"})
	assert.Equal(t, 1, w.Drain())
	w.Send(automation.Event{Name: "signup", ContactID: "ada"})
	assert.Equal(t, 2, w.Drain(), "the event, and the run on to its delay")
	w.Clock.Add(24 * time.Hour)
	assert.Equal(t, 2, w.Drain(), "the run on to its email, and to its end")
}
