package automation_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
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

func TestEraseContact_OfNobodyIsNoError(t *testing.T) {
	t.Parallel()
	r, _ := keeper(t)
	require.NoError(t, r.EraseContact(t.Context(), automation.ContactRef{ID: "nobody"}))
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

func TestKeep_RefusesWhatCannotBeMeant(t *testing.T) {
	t.Parallel()
	r, _ := keeper(t)
	require.ErrorIs(t, r.EraseContact(t.Context(), automation.ContactRef{}), automation.ErrInvalid)
	require.ErrorIs(t, r.EraseContact(t.Context(), automation.ContactRef{ID: "a", Email: "a@example.com"}), automation.ErrInvalid)
	_, err := r.Prune(t.Context(), -time.Hour)
	require.ErrorIs(t, err, automation.ErrInvalid)
}
