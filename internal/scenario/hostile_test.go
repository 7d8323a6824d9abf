package scenario_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// failedBeforeItsStart decodes to a run that has failed and has no step.
const failedBeforeItsStart = "\x01\x0300\x000\x00\x00\x00"

func TestHostile_DamagedStateOfARunWithoutStepsEndsNoProcess(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("", "user.created", world.Email("hello")))
	w.Mailer.Respond = func(context.Context, automation.Email) error { return automation.Permanent(assert.AnError) }
	w.Send(world.ForAda("user.created", nil))
	w.Drain()
	id := w.Run().ID
	w.Rewrite(id, func([]byte) []byte { return []byte(failedBeforeItsStart) })

	_, err := w.RetryRun(w.Ctx, id)
	require.NoError(t, err)
	w.Drain()
	run, err := w.GetRun(w.Ctx, id)
	require.NoError(t, err)
	assert.Equal(t, automation.FailedDamaged, run.Error.Code)
}

// panicking is a host's component that panics in one call.
type panicking struct {
	*world.Users
	in string
}

func (p *panicking) CreateContact(ctx context.Context, email string) (automation.Contact, error) {
	if p.in == "create" {
		panic("no such table")
	}
	return p.Users.CreateContact(ctx, email)
}

func TestHostile_DirectoryThatPanicsHoldsUpItsContactOnly(t *testing.T) {
	t.Parallel()
	p := &panicking{world.NewUsers(world.Ada), "create"}
	w := world.New(t, automation.Options{Contacts: p})
	w.Create(world.Flow("", "signup", world.Email("hello")))
	w.Send(world.Signup("new@example.com"), world.Signup("ada@example.com"))
	_, err := w.Runner.Drain(w.Ctx)
	assert.ErrorContains(t, err, "no such table")
	assert.Equal(t, []string{"hello"}, w.Sent(), "ada gets her email")

	p.in = ""
	w.Pass(time.Minute)
	assert.Equal(t, []string{"hello", "hello"}, w.Sent())
}

func TestHostile_ObserverThatPanicsChangesNothing(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{Observer: world.Observe(func(automation.Notice) { panic("no metrics") })})
	w.Create(world.Flow("", "signup", world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	assert.Equal(t, []string{"hello"}, w.Sent())
	assert.Equal(t, automation.RunCompleted, w.Run().Status)
}

func TestHostile_ContactWithoutIDIsRefused(t *testing.T) {
	t.Parallel()
	users := world.NewUsers(automation.Contact{Email: "ada@example.com"})
	w := world.NewWithUsers(t, users, automation.Options{})
	w.Create(world.Flow("", "signup", world.Email("hello")))
	_, err := w.Runner.Send(w.Ctx, world.Signup("ada@example.com"))
	assert.ErrorContains(t, err, "without an id")
	assert.Empty(t, w.Runs())
}

// heedless is a Mailer that ignores its context.
type heedless struct{ called, hangUp chan struct{} }

func (d heedless) SendEmail(context.Context, automation.Email) (string, error) {
	close(d.called)
	<-d.hangUp
	return "", nil
}

func TestHostile_MailerThatIgnoresItsContextDoesNotKeepRun(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	d := heedless{make(chan struct{}), make(chan struct{})}
	defer close(d.hangUp)
	r, err := automation.New(w.Memory, d, automation.Options{ShutdownTimeout: time.Millisecond})
	require.NoError(t, err)
	w.Create(world.Flow("flow", "signup", world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	ctx, stop := context.WithCancel(w.Ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	<-d.called
	stop()
	err = <-ended
	var busy *automation.StillRunningError
	require.ErrorAs(t, err, &busy)
	assert.ErrorIs(t, err, context.Canceled)
	require.Len(t, busy.Effects, 1)
	assert.Equal(t, "hello", busy.Effects[0].StepKey)
	assert.ErrorContains(t, err, "hello")
}
