package slogobserve_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	slogobserve "github.com/seed-b636437c/automation/observe/slog"
)

// logged returns a World whose notices are logged, and the log without times.
func logged(t *testing.T, level slog.Level, opts slogobserve.Options) (*world.World, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	handler := slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	return world.New(t, automation.Options{Observer: slogobserve.New(slog.New(handler), opts)}), &log
}

// lines returns the lines of a log with words instead of the ids of w's run.
func lines(w *world.World, log *bytes.Buffer) []string {
	run := w.Run()
	text := strings.NewReplacer(run.ID, "RUN", run.EventID, "EVENT", run.ContactID, "CONTACT").Replace(log.String())
	return strings.Split(strings.TrimSpace(text), "\n")
}

func TestObserver_LogsAWholeFlow(t *testing.T) {
	t.Parallel()
	w, log := logged(t, slog.LevelDebug, slogobserve.Options{})
	w.Create(world.Flow("welcome", "signup", world.SetFirstName("Ada"), world.Pause("rest", "1 day"),
		automation.Step{Key: "bye", Config: automation.ContactDelete{}}))
	w.Send(world.Signup("ada@example.com"))
	w.Clock.Add(time.Second)
	w.Drain()
	w.Pass(24 * time.Hour)
	of := "automation=welcome version=1 run=RUN contact=CONTACT"
	assert.Equal(t, []string{
		`level=DEBUG msg="automation: event accepted" event=EVENT name=signup`,
		`level=DEBUG msg="automation: contact created" contact=CONTACT`,
		`level=INFO msg="automation: run started" ` + of + ` event=EVENT`,
		`level=DEBUG msg="automation: step changed" ` + of + ` step=start type=trigger status=completed took=1s`,
		`level=DEBUG msg="automation: step changed" ` + of + ` step=name type=contact_update status=running`,
		`level=DEBUG msg="automation: contact changed" contact=CONTACT`,
		`level=DEBUG msg="automation: step changed" ` + of + ` step=name type=contact_update status=completed took=0s`,
		`level=DEBUG msg="automation: step changed" ` + of + ` step=rest type=delay status=waiting`,
		`level=DEBUG msg="automation: event handled" event=EVENT name=signup started=1 resumed=0 took=1s`,
		`level=DEBUG msg="automation: step changed" ` + of + ` step=rest type=delay status=completed took=24h0m0s`,
		`level=DEBUG msg="automation: step changed" ` + of + ` step=bye type=contact_delete status=running`,
		`level=DEBUG msg="automation: contact deleted" contact=CONTACT`,
		`level=DEBUG msg="automation: step changed" ` + of + ` step=bye type=contact_delete status=completed took=0s`,
		`level=INFO msg="automation: run ended" ` + of + ` status=completed took=24h0m0s`,
	}, lines(w, log))
}

func TestObserver_WarnsOfFailuresWithoutAddresses(t *testing.T) {
	t.Parallel()
	w, log := logged(t, slog.LevelInfo, slogobserve.Options{})
	fails := 2
	w.Mailer.Respond = func(_ context.Context, e automation.Email) error {
		if fails--; fails > 0 {
			return fmt.Errorf("to %s: %w", e.To, world.ErrOutage)
		}
		return automation.Permanent(fmt.Errorf("no mailbox %s\nsecond line", e.To))
	}
	w.AddContact(automation.Contact{ID: "ada@example.com", Email: "ada@example.com"})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	w.Pass(time.Second)
	of := "automation=welcome version=1 run=RUN contact=[email]"
	assert.Equal(t, []string{
		`level=INFO msg="automation: run started" ` + of + ` event=EVENT`,
		`level=INFO msg="automation: attempt failed" ` + of + ` step=hello type=send_email status=running code=effect_failed error="to [email]: connection refused"`,
		`level=WARN msg="automation: step changed" ` + of + ` step=hello type=send_email status=failed took=1s code=permanent_error error="no mailbox [email]"`,
		`level=WARN msg="automation: run ended" ` + of + ` status=failed took=1s code=permanent_error error="no mailbox [email]"`,
	}, lines(w, log))
}

func TestObserver_HasLevelsOfTheHost(t *testing.T) {
	t.Parallel()
	w, log := logged(t, slog.LevelInfo, slogobserve.Options{Level: func(n automation.Notice) slog.Level {
		if _, ok := n.(*automation.EventHandled); ok {
			return slog.LevelInfo
		}
		return slog.LevelDebug
	}})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	assert.Len(t, lines(w, log), 1)
	assert.Contains(t, log.String(), "event handled")
}

type unknown struct{ automation.EventAccepted }

func TestObserver_IgnoresWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	w, log := logged(t, slog.LevelDebug, slogobserve.Options{})
	w.Opts.Observer.Observe(&unknown{})
	assert.Empty(t, log.String())
	slogobserve.New(nil, slogobserve.Options{}).Observe(&automation.EventAccepted{})
}
