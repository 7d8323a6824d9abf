package jetstream

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// mailerFunc is a mailer.
type mailerFunc func(ctx context.Context, e automation.Email) (string, error)

func (f mailerFunc) SendEmail(ctx context.Context, e automation.Email) (string, error) {
	return f(ctx, e)
}

// beginEmail lets a partition that does not run by itself begin an email.
func beginEmail(t *testing.T, mailer automation.Mailer) *partition {
	t.Helper()
	w := testWorker(t)
	var err error
	w.runner, err = automation.New(w.Store, mailer, automation.Options{})
	require.NoError(t, err)
	_, err = w.runner.CreateAutomation(t.Context(), automation.Automation{
		Name: "welcome", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "start", Config: automation.Trigger{EventName: "signup"}},
			{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "hello"}}},
		},
		Connections: []automation.Connection{{From: "start", To: "hello"}},
	})
	require.NoError(t, err)
	p := owned(t, w)
	ada := automation.Event{ID: "signup-of-ada", Name: "signup", ContactID: "ada", AcceptedAt: now()}
	_, err = p.runner.CreateContact(t.Context(), automation.Contact{ID: "ada", Email: "ada@example.com"})
	require.NoError(t, err)
	require.NoError(t, p.handlePart(t.Context(), inputs{entries: []entry{{Kind: kindEvent, Seq: 1, Key: automation.ContactRef{ID: "ada"}, Event: &ada}}}))
	return p
}

var tokenOfAda = tokenOf(automation.ContactRef{ID: "ada"})

// attemptOf returns the attempt that is in flight.
func attemptOf(p *partition) *attempt {
	for _, a := range p.contacts[tokenOfAda].inFlight {
		return a
	}
	return nil
}

// passes lets a partition handle the end of a time.
func (p *partition) passes(t *testing.T, d time.Duration) {
	t.Helper()
	at := p.cp.ReadAt
	if at.IsZero() {
		at = now()
	}
	require.NoError(t, p.handlePart(t.Context(), inputs{entries: []entry{{Kind: kindTick, Seq: p.cp.Log + 1, Epoch: p.cp.Epoch, At: at.Add(d)}}}))
}

// A partition that has much to do, or whose servers are slow, may not come to an outcome in time.
func TestAttempt_ThatHasReturnedIsNotMadeAgainHoweverLateItsOutcomeIsWritten(t *testing.T) {
	t.Parallel()
	sent := make(chan automation.Email, 10)
	p := beginEmail(t, mailerFunc(func(_ context.Context, e automation.Email) (string, error) {
		sent <- e
		return "", nil
	}))
	<-sent
	require.Eventually(t, func() bool { return attemptOf(p).returned.Load() }, 10*time.Second, time.Millisecond)
	for range 3 {
		p.passes(t, 2*p.opts.EffectDeadline)
	}
	require.NoError(t, p.handlePart(t.Context(), inputs{outcomes: []outcome{<-p.outcomes}}))
	assert.Equal(t, automation.RunCompleted, p.contacts[tokenOfAda].state.Runs[0].Status)
	assert.Zero(t, p.pending, "no other attempt was begun")
	assert.Empty(t, sent)
}

func TestAttempt_ThatHangsIsMadeAgain(t *testing.T) {
	t.Parallel()
	tries := make(chan automation.Email, 10)
	p := beginEmail(t, mailerFunc(func(_ context.Context, e automation.Email) (string, error) {
		tries <- e
		<-t.Context().Done() // whatever the context of the call is
		return "", nil
	}))
	<-tries
	first := attemptOf(p)
	p.passes(t, 2*p.opts.EffectDeadline)
	require.Same(t, first, attemptOf(p), "it has not been going on for long")
	began := first.began.Load()
	first.began.Store(began - 2*int64(p.opts.EffectDeadline))
	p.passes(t, 2*p.opts.EffectDeadline)
	<-tries
	assert.NotSame(t, first, attemptOf(p))
}
