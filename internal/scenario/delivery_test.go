package scenario_test

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestDelivery_MailerTimesOutThoughItAccepted(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		delivery automation.Delivery
		status   automation.RunStatus
		calls    int
	}{
		"at least once": {automation.AtLeastOnce, automation.RunCompleted, 2},
		"at most once":  {automation.AtMostOnce, automation.RunFailed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			mailer := &deafMailer{Mailer: w.Mailer}
			r, err := automation.New(w.Store, mailer, automation.Options{Clock: w.Clock, Delivery: tc.delivery, EffectTimeout: time.Millisecond})
			require.NoError(t, err)
			w.Runner = r
			w.Create(world.Flow("", "user.created", world.Email("welcome")))
			w.Send(world.ForAda("user.created", nil))
			w.Drain()
			for range 10 {
				w.Pass(time.Hour)
			}
			run := w.Run()
			assert.Equal(t, tc.status, run.Status)
			assert.Len(t, w.Mailer.Emails(), 1)
			require.Len(t, mailer.keys, tc.calls)
			for _, key := range mailer.keys {
				assert.Equal(t, "run/"+run.ID+"/welcome", key)
			}
			if tc.delivery == automation.AtMostOnce {
				assert.Equal(t, automation.FailedUnknown, run.Error.Code)
				assert.Equal(t, automation.FailedUnknown, world.Step(t, run, "welcome").Error.Code)
			}
		})
	}
}

// deafMailer accepts the first email, but its answer gets lost.
type deafMailer struct {
	automation.Mailer
	keys []string
}

func (m *deafMailer) SendEmail(ctx context.Context, e automation.Email) (string, error) {
	m.keys = append(m.keys, e.IdempotencyKey)
	id, err := m.Mailer.SendEmail(context.WithoutCancel(ctx), e)
	if len(m.keys) == 1 {
		<-ctx.Done()
		return "", ctx.Err()
	}
	return id, err
}

func TestAtMostOnce_IsNotRepeatedWhenTheAnswerWasLost(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() (string, error){
		"connection reset": func() (string, error) {
			return "", &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
		},
		"panic": func() (string, error) { panic("nil map") },
	} {
		t.Run(name, func(t *testing.T) {
			w := world.New(t, automation.Options{Delivery: automation.AtMostOnce})
			w.Create(world.Flow("welcome", "signup", world.Email("hello")))
			sent := 0
			node, err := automation.New(w.Memory, world.MailerFunc(func(context.Context, automation.Email) (string, error) {
				sent++ // the email is sent
				return fail()
			}), w.Opts)
			require.NoError(t, err)
			w.Send(world.Signup("ada@example.com"))
			for range 10 {
				_, err = node.Drain(w.Ctx)
				require.NoError(t, err)
				w.Clock.Add(10 * time.Minute)
			}
			assert.Equal(t, 1, sent)
		})
	}
}

// An effect that only waits in line must not fail as unknown if the process dies. It
// would if its attempt were open.
func TestAtMostOnce_OpensNoAttemptThatWaitsInLine(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{Concurrency: 2, Delivery: automation.AtMostOnce})
		w.AddContacts(10)
		g := world.NewGate()
		w.Mailer.Respond = g.Respond
		w.Create(world.Flow("welcome", "signup", world.Email("hello"), world.Email("again")))
		w.Serve(w.Runner)
		w.Send(world.Signups(10)...)
		synctest.Wait()
		assert.EqualValues(t, 2, g.Inside.Load())
		assert.Equal(t, 2, openAttempts(w))
		g.Open()
		synctest.Wait()
		assert.Len(t, w.Mailer.Emails(), 20)
		assert.EqualValues(t, 20, g.Attempts.Load())
		assert.Zero(t, openAttempts(w))
	})
}

// openAttempts returns how many runs have an open attempt in the store.
func openAttempts(w *world.World) (n int) {
	page, err := w.Memory.ListRuns(w.Ctx, automation.RunQuery{PageQuery: automation.PageQuery{Limit: 100}})
	require.NoError(w.T, err)
	for _, rec := range page.Data {
		rec, err := w.Memory.FindRun(w.Ctx, rec.ID)
		require.NoError(w.T, err)
		s := automation.State{RunID: rec.ID}
		require.NoError(w.T, s.UnmarshalBinary(rec.State))
		if s.AttemptOpen() {
			n++
		}
	}
	return n
}

func TestAtMostOnce_RespectsWhatCameWhileInLine(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{Concurrency: 1, Delivery: automation.AtMostOnce})
		w.AddContacts(4)
		g := world.NewGate()
		w.Mailer.Respond = g.Respond
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Serve(w.Runner)
		for i := range 4 {
			w.Send(automation.Event{Name: "signup", ContactID: fmt.Sprint(i)})
			synctest.Wait()
		}
		yes := true
		_, err := w.UpdateContact(w.Ctx, "1", automation.ContactChange{Unsubscribed: &yes})
		require.NoError(t, err)
		_, err = w.CancelRun(w.Ctx, w.RunOf("2").ID)
		require.NoError(t, err)
		g.Open()
		synctest.Wait()
		world.Advance(time.Second)
		assert.Len(t, w.Mailer.Emails(), 2)
		assert.Equal(t, automation.StepSkipped, w.RunOf("1").Steps[1].Status)
		assert.Equal(t, automation.RunCancelled, w.RunOf("2").Status)
		assert.Equal(t, automation.RunCompleted, w.RunOf("3").Status)
	})
}

func TestEmail_BelongsToTheMailer(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", automation.Step{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{
		ID: "hello", Variables: map[string]automation.Value{"NAME": automation.String("Ada")}}}}))
	node, err := automation.New(w.Memory, world.MailerFunc(func(_ context.Context, e automation.Email) (string, error) {
		e.Variables["SECRET"] = "added while rendering"
		return "1", nil
	}), w.Opts)
	require.NoError(t, err)
	w.Send(world.Signup("ada@example.com"))
	_, err = node.Drain(w.Ctx)
	require.NoError(t, err)
	assert.NotContains(t, string(world.Step(t, w.Run(), "hello").Output), "SECRET")
}

func TestMailer_PanicIsAFailedAttempt(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{Retry: automation.RetryPolicy{Jitter: -1}})
	w.Mailer.Respond = func(_ context.Context, e automation.Email) error {
		if e.Attempt == 1 {
			panic("a bug")
		}
		return nil
	}
	w.Create(world.Flow("flow", "signup", world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	assert.Contains(t, world.Step(t, w.Run(), "hello").Attempts[0].Error.Message, "panic: a bug")
	w.Pass(time.Second)
	assert.Equal(t, automation.RunCompleted, w.Run().Status)
}

func TestDelivery_EffectThatTakesTooLongIsAFailedAttempt(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{EffectTimeout: 5 * time.Second, Retry: automation.RetryPolicy{Jitter: -1}})
		g := world.NewGate()
		w.Mailer.Respond = g.Respond
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Serve(w.Runner)
		w.Send(world.Signup("ada@example.com"))
		world.Advance(5*time.Second + time.Millisecond)
		hello := world.Step(t, w.Run(), "hello")
		require.Len(t, hello.Attempts, 1)
		assert.Equal(t, automation.FailedEffect, hello.Attempts[0].Error.Code)
		assert.Contains(t, hello.Attempts[0].Error.Message, context.DeadlineExceeded.Error())
		g.Open()
		world.Advance(time.Second)
		assert.Equal(t, automation.RunCompleted, w.Run().Status)
	})
}
