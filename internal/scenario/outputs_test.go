package scenario_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// A run's state is written with every transition of the run.
func TestOutputs_ALargeOneIsStoredOnce(t *testing.T) {
	t.Parallel()
	const waits, size = 40, 250 << 10
	w := world.New(t, automation.Options{})
	var steps []automation.Step
	for i := range waits {
		steps = append(steps, world.Wait(fmt.Sprintf("wait%d", i), "answer"))
	}
	w.Create(world.Flow("", "signup", steps...))
	written := 0
	w.Store.BeforeCommit = func(ts []automation.Transition) error {
		for _, tr := range ts {
			for _, r := range tr.Runs {
				written += len(r.State)
				for _, out := range r.Outputs {
					written += len(out.Output)
				}
			}
		}
		return nil
	}
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	for range waits {
		w.Send(world.ForAda("answer", map[string]any{"text": strings.Repeat("x", size)}))
		w.Drain()
	}
	require.Equal(t, automation.RunCompleted, w.Run().Status)
	assert.GreaterOrEqual(t, written, waits*size)
	assert.Less(t, written, waits*size*11/10)
}

// large is a text that makes an output so large that it is stored beside the state.
var large = strings.Repeat("x", 5000)

// quote is an email with the text of the last event "answer".
var quote = automation.Step{Key: "quote", Config: automation.SendEmail{Template: automation.TemplateRef{
	ID: "quote", Variables: map[string]automation.Value{"TEXT": automation.Var("wait_events.answer.text")},
}}}

// withAnswer returns a World with a run that has received an event with the large text, and
// that waits for an event "go" before the last step.
func withAnswer(t *testing.T, opts automation.Options, last automation.Step) *world.World {
	t.Helper()
	w := world.New(t, opts)
	w.Create(world.Flow("", "signup", world.Wait("answer", "answer"), world.Wait("go", "go"), last))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	w.Send(world.ForAda("answer", map[string]any{"text": large}))
	w.Drain()
	return w
}

// storedOutputs returns the outputs that the store keeps beside the state of the only run.
func storedOutputs(w *world.World) []automation.StepOutput {
	w.T.Helper()
	outputs, err := w.Memory.FindRunOutputs(w.Ctx, w.Run().ID)
	require.NoError(w.T, err)
	return outputs
}

func TestOutputs_LargeOnesAreReadByLaterSteps(t *testing.T) {
	t.Parallel()
	w := withAnswer(t, automation.Options{}, quote)
	w.Send(world.ForAda("go", nil))
	w.Drain()
	assert.Equal(t, 1, w.Store.Calls("FindRunOutputs"))
	require.Equal(t, []string{"quote"}, w.Sent())
	assert.Equal(t, large, w.Mailer.Emails()[0].Variables["TEXT"])
}

func TestOutputs_LargeOnesAreNotReadForStepsThatDoNotNeedThem(t *testing.T) {
	t.Parallel()
	w := withAnswer(t, automation.Options{}, world.Email("thanks"))
	w.Send(world.ForAda("go", nil))
	w.Drain()
	assert.Equal(t, []string{"thanks"}, w.Sent())
	assert.Zero(t, w.Store.Calls("FindRunOutputs"))
}

func TestOutputs_LargeOnesAreShown(t *testing.T) {
	t.Parallel()
	var noticed []automation.StepRun
	w := withAnswer(t, automation.Options{Observer: world.Observe(func(n automation.Notice) {
		if changed, ok := n.(*automation.StepChanged); ok && strings.Contains(string(changed.Step.Output), large) {
			noticed = append(noticed, changed.Step)
		}
	})}, quote)
	w.Send(world.ForAda("go", nil))
	w.Drain()
	shown := world.Step(t, w.Run(), "answer")
	assert.Contains(t, string(shown.Output), large)
	assert.Equal(t, automation.ConnectionEventReceived, shown.Branch)
	require.Len(t, noticed, 2, "the wait, and the email that quotes its event")
	assert.Equal(t, shown, noticed[0])
	assert.Equal(t, world.Step(t, w.Run(), "quote").Output, noticed[1].Output)
}

func TestOutputs_OfAStoreThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	w := withAnswer(t, automation.Options{}, quote)
	id := w.Run().ID
	w.Store.BeforeFindRunOutputs = func(context.Context) error { return world.ErrOutage }
	_, err := w.GetRun(w.Ctx, id)
	require.ErrorIs(t, err, world.ErrOutage)
	w.Send(world.ForAda("go", nil))
	_, err = w.Runner.Drain(w.Ctx)
	require.ErrorIs(t, err, world.ErrOutage)
	assert.Zero(t, w.Stored(id).DecodeFailures, "the run itself is sound")

	w.Store.BeforeFindRunOutputs = nil
	w.Pass(time.Minute)
	assert.Equal(t, large, w.Mailer.Emails()[0].Variables["TEXT"])
}

// A step must not act on the absence of an event that the run has received.
func TestOutputs_RunWhoseOutputIsLostIsSetAside(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Store.BeforeCommit = func(ts []automation.Transition) error {
		for _, tr := range ts {
			for i := range tr.Runs {
				tr.Runs[i].Outputs = nil
			}
		}
		return nil
	}
	w.Create(world.Flow("", "signup", world.Wait("answer", "answer"), world.Wait("go", "go"), quote))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	w.Send(world.ForAda("answer", map[string]any{"text": large}))
	w.Drain()
	w.Send(world.ForAda("go", nil))
	w.Drain()
	assert.Empty(t, w.Sent())
	run := w.Run()
	assert.Equal(t, automation.FailedDamaged, run.Error.Code)
	assert.Contains(t, run.Error.Message, "lost an output")
	assert.Equal(t, automation.ConnectionEventReceived, world.Step(t, run, "answer").Branch, "what is left is shown")
}

func TestEraseContact_ErasesLargeOutputs(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func([]byte) []byte{
		"of a run":                            func(b []byte) []byte { return b },
		"of a run that cannot be decoded":     func(b []byte) []byte { return b[:len(b)/2] },
		"of a run written by a newer version": func(b []byte) []byte { b[0] = 200; return b },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := withAnswer(t, automation.Options{}, quote)
			require.Len(t, storedOutputs(w), 1)
			id := w.Run().ID
			w.Rewrite(id, spoil)
			require.NoError(t, w.EraseContact(w.Ctx, automation.ContactRef{Email: "ada@example.com"}))
			assert.Empty(t, storedOutputs(w))
			assert.Empty(t, world.Step(t, w.Run(), "answer").Output)
		})
	}
}
