package scenario_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// keeper returns a Runner with one automation that keeps a payload, an error
// and an email's variables, and then sleeps.
func keeper(t *testing.T) (*automation.Runner, *clock.Mock) {
	t.Helper()
	mock := clock.NewMock()
	r, err := automation.New(memory.New(), capture.New(), automation.Options{Clock: mock})
	require.NoError(t, err)
	_, err = r.CreateAutomation(t.Context(), automation.Automation{
		ID: "flow", Name: "Flow", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "start", Config: automation.Trigger{EventName: "user.created"}},
			{Key: "send", Config: automation.SendEmail{Template: automation.TemplateRef{
				ID: "welcome", Variables: map[string]automation.Value{"NAME": automation.Var("event.name")},
			}}},
			{Key: "wait", Config: automation.WaitForEvent{EventName: "user.active"}},
		},
		Connections: []automation.Connection{{From: "start", To: "send"}, {From: "send", To: "wait"}},
	})
	require.NoError(t, err)
	return r, mock
}

func send(t *testing.T, r *automation.Runner, name, email string) {
	t.Helper()
	_, err := r.Send(t.Context(), automation.Event{Name: name, Email: email, Payload: automation.Payload(map[string]any{"name": "Secret"})})
	require.NoError(t, err)
	_, err = r.Drain(t.Context())
	require.NoError(t, err)
}

func TestEraseContact_LeavesNothingPersonal(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r, mock := keeper(t)
	send(t, r, "user.created", "ada@example.com")
	send(t, r, "user.active", "ada@example.com")
	send(t, r, "user.created", "ada@example.com") // a second run, which waits
	contact, err := r.GetContact(ctx, automation.ContactRef{Email: "ada@example.com"})
	require.NoError(t, err)
	mock.Add(time.Hour)

	require.NoError(t, r.EraseContact(ctx, automation.ContactRef{ID: contact.ID}))
	require.NoError(t, r.EraseContact(ctx, automation.ContactRef{ID: contact.ID}), "twice is no error")

	_, err = r.GetContact(ctx, automation.ContactRef{Email: "ada@example.com"})
	require.ErrorIs(t, err, automation.ErrNotFound)
	runs, err := r.ListRuns(ctx, automation.RunQuery{ContactID: contact.ID})
	require.NoError(t, err)
	require.Len(t, runs.Data, 2)
	for i, want := range []automation.RunStatus{automation.RunCancelled, automation.RunCompleted} {
		run, err := r.GetRun(ctx, runs.Data[i].ID)
		require.NoError(t, err)
		assert.Equal(t, want, run.Status)
		event, err := r.GetEvent(ctx, run.EventID)
		require.NoError(t, err)
		text, err := json.Marshal([]any{run, event})
		require.NoError(t, err)
		assert.NotContains(t, string(text), "Secret")
		assert.NotContains(t, string(text), "ada@example.com")
	}
	n, err := r.Drain(ctx)
	require.NoError(t, err)
	assert.Zero(t, n, "nothing goes on")
}

func TestEraseContact_OfAnUnknownContactIsNoError(t *testing.T) {
	t.Parallel()
	r, _ := keeper(t)
	require.NoError(t, r.EraseContact(t.Context(), automation.ContactRef{ID: "nobody"}))
}

func TestEraseContact_ErasesWhatWasSentForItsEmail(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, signup := range map[string]bool{"a contact": true, "somebody who never became one": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := keeper(t)
			receipts, err := r.Send(ctx, automation.Event{Name: "page.viewed", Email: "Ada@example.com", Payload: automation.Payload(map[string]any{"name": "Secret"})})
			require.NoError(t, err)
			_, err = r.Drain(ctx)
			require.NoError(t, err)
			if signup {
				send(t, r, "user.created", "ada@example.com")
			}
			require.NoError(t, r.EraseContact(ctx, automation.ContactRef{Email: "ada@example.com"}))
			event, err := r.GetEvent(ctx, receipts[0].ID)
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
	r, mock := keeper(t)
	send(t, r, "user.created", "ada@example.com")
	send(t, r, "user.active", "ada@example.com")
	mock.Add(48 * time.Hour)
	send(t, r, "user.created", "grace@example.com")

	res, err := r.Prune(t.Context(), 72*time.Hour)
	require.NoError(t, err)
	assert.Equal(t, automation.PruneResult{}, res, "nothing is old enough")

	res, err = r.Prune(t.Context(), 24*time.Hour)
	require.NoError(t, err)
	assert.Equal(t, automation.PruneResult{Runs: 1, Events: 2}, res)
	runs, err := r.ListRuns(t.Context(), automation.RunQuery{})
	require.NoError(t, err)
	require.Len(t, runs.Data, 1)
	assert.Equal(t, automation.RunRunning, runs.Data[0].Status)
	_, err = r.GetEvent(t.Context(), runs.Data[0].EventID)
	require.NoError(t, err, "the event of a run in progress is kept")
}

func TestRetention_RefusesWhatCannotBeMeant(t *testing.T) {
	t.Parallel()
	r, _ := keeper(t)
	require.ErrorIs(t, r.EraseContact(t.Context(), automation.ContactRef{}), automation.ErrInvalid)
	require.ErrorIs(t, r.EraseContact(t.Context(), automation.ContactRef{ID: "a", Email: "a@example.com"}), automation.ErrInvalid)
	_, err := r.Prune(t.Context(), -time.Hour)
	require.ErrorIs(t, err, automation.ErrInvalid)
}

// Logs are kept longer, and read by more people, than what they are about.
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
		assert.NotContains(t, logs.String(), "secret")
	})
}

// lockedBuffer collects what several goroutines write.
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
