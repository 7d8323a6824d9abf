package smtp_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/mail/smtp"
)

// play runs an automation of one email through m until the run ends, and returns the run.
func play(t *testing.T, m *smtp.Mailer, delivery automation.Delivery) automation.Run {
	t.Helper()
	w := world.New(t, automation.Options{Delivery: delivery})
	r, err := automation.New(w.Store, m, w.Opts)
	require.NoError(t, err)
	w.Runner = r
	w.Create(world.Flow("welcome", "user.created", world.Email("welcome")))
	w.Send(automation.Event{Name: "user.created", Email: "ada@example.com"})
	for range 10 {
		w.Drain()
		w.Clock.Add(10 * time.Minute)
	}
	return w.Run()
}

// inTurn answers a verb with each text once, and then as usual.
func inTurn(verb string, texts ...string) func(int, int, string) string {
	var next atomic.Int64
	return func(_, _ int, v string) string {
		if v != verb {
			return ""
		}
		if n := int(next.Add(1)); n <= len(texts) {
			return texts[n-1]
		}
		return ""
	}
}

func TestRunner_RetriesWithTheSameMessageID(t *testing.T) {
	t.Parallel()
	for _, delivery := range []automation.Delivery{automation.AtLeastOnce, automation.AtMostOnce} {
		s := runScript(t, inTurn("MESSAGE", "451 4.3.0 later", "452 4.3.1 later"))
		run := play(t, mailerFor(t, s.addr, hello, noTLS), delivery)
		assert.Equal(t, automation.RunCompleted, run.Status)
		assert.Len(t, run.Steps[1].Attempts, 2, "the failed ones")
		require.Len(t, s.data(), 3)
		id := parse(t, s.data()[0]).Header.Get("Message-Id")
		assert.NotEmpty(t, id)
		for _, data := range s.data() {
			assert.Equal(t, id, parse(t, data).Header.Get("Message-Id"))
		}
	}
}

func TestRunner_FailsAtOnceIfTheMailboxIsUnknown(t *testing.T) {
	t.Parallel()
	s := runScript(t, answer("RCPT", "550 5.1.1 no such user"))
	run := play(t, mailerFor(t, s.addr, hello, noTLS), automation.AtLeastOnce)
	assert.Equal(t, automation.RunFailed, run.Status)
	require.NotNil(t, run.Steps[1].Error)
	assert.Equal(t, automation.FailedPermanently, run.Steps[1].Error.Code)
	assert.Contains(t, run.Steps[1].Error.Message, "5.1.1 no such user")
	assert.Empty(t, s.data())
}

func TestRunner_AtMostOnceDoesNotRepeatAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	s := runScript(t, inTurn("MESSAGE", drop))
	run := play(t, mailerFor(t, s.addr, hello, noTLS), automation.AtMostOnce)
	assert.Equal(t, automation.RunFailed, run.Status)
	require.NotNil(t, run.Steps[1].Error)
	assert.Equal(t, automation.FailedUnknown, run.Steps[1].Error.Code)
	assert.Len(t, s.data(), 1)
}

func TestRunner_AtMostOnceRepeatsAnUnsentEmail(t *testing.T) {
	t.Parallel()
	s := runScript(t, inTurn("DATA", drop, drop))
	run := play(t, mailerFor(t, s.addr, hello, noTLS), automation.AtMostOnce)
	assert.Equal(t, automation.RunCompleted, run.Status)
	assert.Len(t, s.data(), 1)
}
