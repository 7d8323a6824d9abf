package e2e

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/resend/resend-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// started creates goodbye and starts a run for each email, oldest first.
func (w *world) started(emails ...string) (automationID string, runs []automation.Run) {
	w.t.Helper()
	id := w.create("Goodbye")
	_, err := w.Automations.Update(id, &resend.UpdateAutomationRequest{Status: resend.AutomationStatusEnabled})
	require.NoError(w.t, err)
	for _, email := range emails {
		w.later()
		_, err := w.Events.Send(&resend.SendEventRequest{Event: "user.left", Email: email})
		require.NoError(w.t, err)
		w.drain()
		page, err := w.runner.ListRuns(w.t.Context(), automation.RunQuery{AutomationID: id})
		require.NoError(w.t, err)
		runs = append(runs, page.Data[0])
	}
	return id, runs
}

func runItem(r automation.Run) resend.AutomationRunListItem {
	return resend.AutomationRunListItem{
		Id: r.ID, Status: string(r.Status),
		StartedAt: stampOf(r.StartedAt), CompletedAt: stampOf(r.CompletedAt), CreatedAt: stamp(r.CreatedAt),
	}
}

func TestRuns_AreListedNewestFirst(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id, runs := w.started("ada@example.com", "bob@example.com", "cat@example.com")
	all, err := w.Automations.ListRuns(id)
	require.NoError(t, err)
	assert.Equal(t, resend.ListAutomationRunsResponse{Object: "list", Data: []resend.AutomationRunListItem{
		runItem(runs[2]), runItem(runs[1]), runItem(runs[0]),
	}}, all)
	_, err = w.runner.CancelRun(t.Context(), runs[1].ID)
	require.NoError(t, err)
	w.drain()

	for name, c := range map[string]struct {
		options resend.ListAutomationRunsOptions
		ids     []string
		more    bool
	}{
		"a page":       {resend.ListAutomationRunsOptions{Limit: ptr(1)}, []string{runs[2].ID}, true},
		"the next":     {resend.ListAutomationRunsOptions{After: &runs[2].ID}, []string{runs[1].ID, runs[0].ID}, false},
		"the previous": {resend.ListAutomationRunsOptions{Before: &runs[1].ID}, []string{runs[2].ID}, false},
		"of a status": {resend.ListAutomationRunsOptions{
			Status: []resend.AutomationRunStatus{resend.AutomationRunStatusCancelled},
		}, []string{runs[1].ID}, false},
		"of two statuses": {resend.ListAutomationRunsOptions{
			Status: []resend.AutomationRunStatus{resend.AutomationRunStatusCompleted, resend.AutomationRunStatusRunning},
		}, []string{runs[2].ID, runs[0].ID}, false},
	} {
		page, err := w.Automations.ListRunsWithContext(t.Context(), id, &c.options)
		require.NoError(t, err, name)
		var ids []string
		for _, item := range page.Data {
			ids = append(ids, item.Id)
		}
		assert.Equal(t, c.ids, ids, name)
		assert.Equal(t, c.more, page.HasMore, name)
	}
}

// assertRun compares a run with the run in the engine, field by field.
func (w *world) assertRun(got resend.AutomationRun) {
	w.t.Helper()
	want, err := w.runner.GetRun(w.t.Context(), got.Id)
	require.NoError(w.t, err)
	assert.Equal(w.t, "automation_run", got.Object)
	assert.Equal(w.t, runItem(want), resend.AutomationRunListItem{
		Id: got.Id, Status: got.Status, StartedAt: got.StartedAt, CompletedAt: got.CompletedAt, CreatedAt: got.CreatedAt,
	})
	require.Len(w.t, got.Steps, len(want.Steps))
	for i, s := range want.Steps {
		created := stampOf(s.CreatedAt)
		if created == nil {
			created = stampOf(want.CreatedAt) // not reached: the step was created with the run
		}
		assert.Equal(w.t, resend.AutomationRunStep{
			Key: s.Key, Type: string(s.Type), Status: string(s.Status),
			StartedAt: stampOf(s.StartedAt), CompletedAt: stampOf(s.CompletedAt), CreatedAt: *created,
			Output: plain(w.t, s.Output), Error: plain(w.t, s.Error),
		}, got.Steps[i])
	}
}

// plain returns a value in the types of a client.
func plain(t *testing.T, value any) any {
	data, err := json.Marshal(value)
	require.NoError(t, err)
	var v any
	require.NoError(t, json.Unmarshal(data, &v))
	return v
}

func TestRuns_AreReadWithTheirSteps(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id, runs := w.started("ada@example.com")
	got, err := w.Automations.GetRun(id, runs[0].ID)
	require.NoError(t, err)
	w.assertRun(got)
	assert.Equal(t, resend.AutomationRunStatusRunning, got.Status)
	assert.Equal(t, "waiting", got.Steps[1].Status)
	assert.Equal(t, "pending", got.Steps[2].Status)
	assert.Nil(t, got.CompletedAt)

	w.clock.Add(24 * time.Hour)
	w.drain()
	got, err = w.Automations.GetRun(id, runs[0].ID)
	require.NoError(t, err)
	w.assertRun(got)
	assert.Equal(t, resend.AutomationRunStatusCompleted, got.Status)
	assert.Equal(t, "completed", got.Steps[2].Status)
}

func TestRuns_HaveTheErrorOfTheirFailure(t *testing.T) {
	t.Parallel()
	w := setup(t)
	created, err := w.Automations.Create(&resend.CreateAutomationRequest{
		Name: "Broken", Status: resend.AutomationStatusEnabled,
		Steps: []resend.AutomationStep{
			{Key: "t", Type: "trigger", Config: map[string]any{"event_name": "e"}},
			{Key: "mail", Type: "send_email", Config: map[string]any{"template": map[string]any{"id": "none"}}},
		},
		Connections: []resend.AutomationConnection{{From: "t", To: "mail"}},
	})
	require.NoError(t, err)
	_, err = w.Events.Send(&resend.SendEventRequest{Event: "e", Email: "ada@example.com"})
	require.NoError(t, err)
	w.drain()
	runs, err := w.Automations.ListRuns(created.Id)
	require.NoError(t, err)
	got, err := w.Automations.GetRun(created.Id, runs.Data[0].Id)
	require.NoError(t, err)
	w.assertRun(got)
	assert.Equal(t, resend.AutomationRunStatusFailed, got.Status)
	assert.Contains(t, got.Steps[1].Error.(map[string]any)["message"], "none")
}

func TestRuns_OutliveTheirAutomation(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id, runs := w.started("ada@example.com")
	_, err := w.Automations.Remove(id)
	require.NoError(t, err)
	w.drain()
	got, err := w.Automations.GetRun(id, runs[0].ID)
	require.NoError(t, err)
	w.assertRun(got)
	assert.Equal(t, resend.AutomationRunStatusCancelled, got.Status)

	_, err = w.Automations.ListRuns(id)
	assert.ErrorContains(t, err, id)
	_, err = w.Automations.GetRun("another", runs[0].ID)
	assert.ErrorContains(t, err, runs[0].ID)
}
