package scenario_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

const secret = "Secret"

// withSecrets returns a World with an automation that puts personal data into a payload,
// the variables of an email and an output, and then waits.
func withSecrets(t *testing.T) *world.World {
	t.Helper()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("flow", "user.created",
		automation.Step{Key: "send", Config: automation.SendEmail{Template: automation.TemplateRef{
			ID: "welcome", Variables: map[string]automation.Value{"NAME": automation.Var("event.name")},
		}}},
		world.Wait("wait", "user.active")))
	return w
}

// sendSecret sends an event with personal data, and calls Drain.
func sendSecret(w *world.World, name, email string) automation.EventReceipt {
	w.T.Helper()
	receipts := w.Send(automation.Event{Name: name, Email: email, Payload: automation.Payload(map[string]any{"name": secret})})
	w.Drain()
	return receipts[0]
}

func TestEraseContact_LeavesNothingPersonal(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := withSecrets(t)
	sendSecret(w, "user.created", "ada@example.com")
	sendSecret(w, "user.active", "ada@example.com")
	sendSecret(w, "user.created", "ada@example.com") // a second run, which waits
	contact := w.Contact("ada@example.com")
	w.Clock.Add(time.Hour)

	require.NoError(t, w.EraseContact(ctx, automation.ContactRef{ID: contact.ID}))
	require.NoError(t, w.EraseContact(ctx, automation.ContactRef{ID: contact.ID}), "twice is no error")

	_, err := w.GetContact(ctx, automation.ContactRef{Email: "ada@example.com"})
	require.ErrorIs(t, err, automation.ErrNotFound)
	runs, err := w.ListRuns(ctx, automation.RunQuery{ContactID: contact.ID})
	require.NoError(t, err)
	require.Len(t, runs.Data, 2)
	for i, want := range []automation.RunStatus{automation.RunCancelled, automation.RunCompleted} {
		run, err := w.GetRun(ctx, runs.Data[i].ID)
		require.NoError(t, err)
		assert.Equal(t, want, run.Status)
		event, err := w.GetEvent(ctx, run.EventID)
		require.NoError(t, err)
		text, err := json.Marshal([]any{run, event})
		require.NoError(t, err)
		assert.NotContains(t, string(text), secret)
		assert.NotContains(t, string(text), "ada@example.com")
	}
	assert.Zero(t, w.Drain(), "no run goes on")
}

func TestEraseContact_OfAnUnknownContactIsNoError(t *testing.T) {
	t.Parallel()
	w := withSecrets(t)
	require.NoError(t, w.EraseContact(t.Context(), automation.ContactRef{ID: "unknown"}))
}

func TestEraseContact_ErasesWhatWasSentForItsEmail(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, signup := range map[string]bool{"a contact": true, "an email that never became a contact": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := withSecrets(t)
			receipt := sendSecret(w, "page.viewed", "Ada@example.com")
			if signup {
				sendSecret(w, "user.created", "ada@example.com")
			}
			require.NoError(t, w.EraseContact(ctx, automation.ContactRef{Email: "ada@example.com"}))
			event, err := w.GetEvent(ctx, receipt.ID)
			require.NoError(t, err)
			assert.Empty(t, event.Payload)
			assert.Empty(t, event.Email)
		})
	}
}

func TestEraseContact_ErasesAllPendingEvents(t *testing.T) {
	t.Parallel()
	w := world.NewWithUsers(t, world.NewUsers(world.Ada), automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	for range 300 {
		w.Send(automation.Event{Name: "signup", ContactID: "u-ada"})
	}
	require.NoError(t, w.EraseContact(w.Ctx, automation.ContactRef{ID: "u-ada"}))
	w.Drain()
	assert.Empty(t, w.Runs(), "an event that was erased starts nothing")
}

func TestEraseContact_LeavesNoLeaseWhenItFails(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.AddContact(automation.Contact{ID: "ada", Email: "ada@example.com"})
	store := &world.Store{Store: w.Memory}
	store.BeforeListRuns = func(context.Context) error { return world.ErrOutage }
	node := w.On(store, w.Opts)
	require.ErrorIs(t, node.EraseContact(w.Ctx, automation.ContactRef{ID: "ada"}), world.ErrOutage)
	store.BeforeListRuns = nil
	assert.NoError(t, node.EraseContact(w.Ctx, automation.ContactRef{ID: "ada"}))
}

func TestEraseContact_OfAnUnknownContactLeavesItsIDFree(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	require.NoError(t, w.EraseContact(w.Ctx, automation.ContactRef{ID: "ada"}))
	_, err := w.CreateContact(w.Ctx, automation.Contact{ID: "ada", Email: "ada@example.com"})
	assert.NoError(t, err)
}

func TestPrune_RemovesWhatIsOldAndDone(t *testing.T) {
	t.Parallel()
	w := withSecrets(t)
	sendSecret(w, "user.created", "ada@example.com")
	sendSecret(w, "user.active", "ada@example.com")
	w.Clock.Add(48 * time.Hour)
	sendSecret(w, "user.created", "grace@example.com")

	res, err := w.Prune(t.Context(), 72*time.Hour)
	require.NoError(t, err)
	assert.Equal(t, automation.PruneResult{}, res, "nothing is old enough")

	res, err = w.Prune(t.Context(), 24*time.Hour)
	require.NoError(t, err)
	assert.Equal(t, automation.PruneResult{Runs: 1, Events: 2}, res)
	runs, err := w.ListRuns(t.Context(), automation.RunQuery{})
	require.NoError(t, err)
	require.Len(t, runs.Data, 1)
	assert.Equal(t, automation.RunRunning, runs.Data[0].Status)
	_, err = w.GetEvent(t.Context(), runs.Data[0].EventID)
	require.NoError(t, err, "the event of a run in progress is kept")
}

func TestRetention_RefusesWhatCannotBeMeant(t *testing.T) {
	t.Parallel()
	w := withSecrets(t)
	require.ErrorIs(t, w.EraseContact(t.Context(), automation.ContactRef{}), automation.ErrInvalid)
	require.ErrorIs(t, w.EraseContact(t.Context(), automation.ContactRef{ID: "a", Email: "a@example.com"}), automation.ErrInvalid)
	_, err := w.Prune(t.Context(), -time.Hour)
	require.ErrorIs(t, err, automation.ErrInvalid)
}

// Logs are kept for longer than the data that they are about, and more people read them.
func TestRun_LogsNothingAboutPeople(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		var logs lockedBuffer
		w := world.InBubble(t, automation.Options{Logger: slog.New(slog.NewTextHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))})
		fails := world.Flow("welcome", "signup",
			automation.Step{Key: "name", Config: automation.ContactUpdate{FirstName: automation.Var("event.name")}},
			automation.Step{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{
				ID: "hello", Variables: map[string]automation.Value{"NAME": automation.Var("event.name")},
			}}},
			automation.Step{Key: "check", Config: automation.Condition{Rule: automation.Field("event.name").Gt(5)}})
		w.Create(fails)
		g := world.NewGate()
		w.Mailer.Respond = g.Respond
		stop := w.Serve(w.Runner)
		e := world.Signup("secret-ada@example.com")
		e.Payload = automation.Payload(map[string]any{"name": "secret-name"})
		w.Send(e)
		synctest.Wait()
		w.Store.WorkDown.Store(true)
		g.Open()
		world.Advance(2 * time.Minute)
		w.Store.WorkDown.Store(false)
		world.Advance(2 * time.Minute)
		require.ErrorIs(t, stop(), context.Canceled)

		require.Equal(t, automation.RunFailed, w.Run().Status)
		assert.Contains(t, logs.String(), "cannot claim work")
		assert.Contains(t, logs.String(), "run failed")
		assert.NotContains(t, logs.String(), "secret")
	})
}

// Stores and contact directories may quote in their errors the address that they
// received.
func TestRun_LogsNoAddressOutOfAnError(t *testing.T) {
	quoting := errors.New(`duplicate entry "SECRET-Ada@Example.com" for a unique key`)
	always := func(of string) func(*world.World, *world.Users) {
		return func(_ *world.World, u *world.Users) { u.Fail = failing(of, 1, quoting) }
	}
	for name, c := range map[string]struct {
		known     bool // the directory has the contact already
		directory func(u *world.Users) automation.ContactDirectory
		fail      func(w *world.World, u *world.Users)
		logged    string
	}{
		"a contact without id": {directory: withoutID, logged: "without an id"},
		"create fails":         {directory: inUsers, fail: always("create"), logged: "duplicate entry"},
		"find fails":           {directory: inUsers, fail: always("find"), logged: "duplicate entry"},
		"find panics": {directory: inUsers, logged: "panic: ", fail: func(_ *world.World, u *world.Users) {
			u.Fail = func(string) error { panic(quoting) }
		}},
		"find fails before an effect": {known: true, directory: inUsers, logged: "effect put off",
			fail: func(_ *world.World, u *world.Users) { u.Fail = failing("find", 2, quoting) }},
		"look back fails": {known: true, directory: inUsers, logged: "cannot look back",
			fail: func(w *world.World, _ *world.Users) {
				w.Store.BeforeListContactEvents = func(context.Context) error { return quoting }
			}},
		"the lease is lost": {logged: "lease lost", fail: func(w *world.World, _ *world.Users) {
			w.Store.OnCommit = refusing(automation.ErrLeaseLost)
		}},
		"a commit fails": {logged: "cannot commit", fail: func(w *world.World, _ *world.Users) {
			w.Store.OnCommit = refusing(world.ErrOutage)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			world.Bubble(t, func(t *testing.T) {
				var logs lockedBuffer
				opts := automation.Options{Logger: slog.New(slog.NewTextHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))}
				u := world.NewUsers()
				if c.known {
					u = world.NewUsers(automation.Contact{ID: "ada", Email: "secret-ada@example.com"})
				}
				if c.directory != nil {
					opts.Contacts = c.directory(u)
				}
				w := world.InBubble(t, opts)
				w.Create(world.Flow("welcome", "signup", world.Email("hello"), world.LookBack("wait", "active", "1 hour")))
				w.Send(world.Signup("secret-ada@example.com"))
				if c.fail != nil {
					c.fail(w, u)
				}
				stop := w.Serve(w.Runner)
				world.Advance(2 * time.Minute)
				require.ErrorIs(t, stop(), context.Canceled)
				assert.Contains(t, logs.String(), c.logged)
				assert.NotContains(t, strings.ToLower(logs.String()), "secret-ada")
			})
		})
	}
}

func inUsers(u *world.Users) automation.ContactDirectory { return u }

func withoutID(u *world.Users) automation.ContactDirectory { return anonymous{u} }

// anonymous is a contact directory that creates contacts without an id.
type anonymous struct{ *world.Users }

func (anonymous) CreateContact(_ context.Context, email string) (automation.Contact, error) {
	return automation.Contact{Email: email}, nil
}

// failing returns a Fail for world.Users that fails a kind of call from the nth call on.
func failing(call string, n int, err error) func(string) error {
	return func(c string) error {
		if c == call {
			n--
		}
		if c == call && n <= 0 {
			return err
		}
		return nil
	}
}

// refusing returns a hook that refuses each transition with an error that names the
// contact, as stores do.
func refusing(err error) func(context.Context, automation.Store, []automation.Transition) ([]automation.CommitResult, error) {
	return func(_ context.Context, _ automation.Store, ts []automation.Transition) ([]automation.CommitResult, error) {
		results := make([]automation.CommitResult, len(ts))
		for i := range ts {
			results[i].Err = fmt.Errorf("contact %q: %w", ts[i].Key.String(), err)
		}
		return results, nil
	}
}

func TestSend_ErrorOfTheContactDirectoryHasNoAddress(t *testing.T) {
	t.Parallel()
	u := world.NewUsers()
	u.Fail = func(string) error { return world.ErrOutage }
	w := world.NewWithUsers(t, u, automation.Options{})
	_, err := w.Runner.Send(w.Ctx, world.Signup("ada@example.com"))
	require.ErrorIs(t, err, world.ErrOutage)
	assert.NotContains(t, err.Error(), "ada@example.com", "an HTTP server logs the error")
}

// lockedBuffer collects the output of several goroutines.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
