package e2e

import (
	"testing"

	"github.com/resend/resend-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// goodbye waits a day after the event user.left and deletes the contact.
func goodbye(name string) *resend.CreateAutomationRequest {
	return &resend.CreateAutomationRequest{
		Name: name,
		Steps: []resend.AutomationStep{
			{Key: "left", Type: resend.AutomationStepTypeTrigger, Config: map[string]any{"event_name": "user.left"}},
			{Key: "rest", Type: resend.AutomationStepTypeDelay, Config: map[string]any{"duration": "1 day"}},
			{Key: "forget", Type: resend.AutomationStepTypeContactDelete}, // its config is sent as null
		},
		Connections: []resend.AutomationConnection{{From: "left", To: "rest"}, {From: "rest", To: "forget"}},
	}
}

// create creates goodbye and returns its id.
func (w *world) create(name string) string {
	w.t.Helper()
	created, err := w.Automations.Create(goodbye(name))
	require.NoError(w.t, err)
	w.later()
	return created.Id
}

// kept returns the automation from the engine.
func (w *world) kept(id string) automation.Automation {
	w.t.Helper()
	a, err := w.runner.GetAutomation(w.t.Context(), id)
	require.NoError(w.t, err)
	return a
}

// automationItem returns an automation in the form of lists.
func automationItem(a automation.Automation) resend.AutomationListItem {
	return resend.AutomationListItem{
		Id: a.ID, Name: a.Name, Status: string(a.Status), CreatedAt: stamp(a.CreatedAt), UpdatedAt: stamp(a.UpdatedAt),
	}
}

func TestAutomations_AreCreatedAndRead(t *testing.T) {
	t.Parallel()
	w := setup(t)
	created, err := w.Automations.Create(goodbye("Goodbye"))
	require.NoError(t, err)
	a := w.kept(created.Id)
	assert.Equal(t, resend.CreateAutomationResponse{Object: "automation", Id: a.ID}, created)
	assert.Equal(t, automation.StatusDisabled, a.Status)
	assert.Equal(t, automation.ContactDelete{}, a.Steps[2].Config)

	got, err := w.Automations.Get(a.ID)
	require.NoError(t, err)
	assert.Equal(t, resend.Automation{
		Object: "automation", Id: a.ID, Name: "Goodbye", Status: resend.AutomationStatusDisabled,
		CreatedAt: stamp(start), UpdatedAt: stamp(start),
		Steps: []resend.AutomationStepResponse{
			{Key: "left", Type: "trigger", Config: map[string]any{"event_name": "user.left"}},
			{Key: "rest", Type: "delay", Config: map[string]any{"duration": "1 day"}},
			{Key: "forget", Type: "contact_delete", Config: map[string]any{}},
		},
		Connections: []resend.AutomationConnection{
			{From: "left", To: "rest", Type: "default"}, {From: "rest", To: "forget", Type: "default"},
		},
	}, got)
}

// The client sends null for connections that are not set.
func TestAutomations_NeedNoConnections(t *testing.T) {
	t.Parallel()
	w := setup(t)
	bare := goodbye("Nothing")
	bare.Steps, bare.Connections = bare.Steps[:1], nil
	created, err := w.Automations.Create(bare)
	require.NoError(t, err)
	assert.Empty(t, w.kept(created.Id).Connections)

	got, err := w.Automations.Get(created.Id)
	require.NoError(t, err)
	assert.NotNil(t, got.Connections)
	assert.Empty(t, got.Connections)
}

func TestAutomations_KeepEveryTypeOfStep(t *testing.T) {
	t.Parallel()
	w := setup(t)
	steps := []resend.AutomationStep{
		{Key: "t", Type: resend.AutomationStepTypeTrigger, Config: map[string]any{"event_name": "user.created"}},
		{Key: "w", Type: resend.AutomationStepTypeWaitForEvent, Config: map[string]any{
			"event_name": "user.upgraded", "timeout": "3 days",
			"filter_rule": map[string]any{"type": "rule", "field": "event.seats", "operator": "gte", "value": 2.0},
		}},
		{Key: "c", Type: resend.AutomationStepTypeCondition, Config: map[string]any{
			"type": "and", "rules": []any{map[string]any{"type": "rule", "field": "contact.properties.plan", "operator": "eq", "value": "pro"}},
		}},
		{Key: "e", Type: resend.AutomationStepTypeSendEmail, Config: map[string]any{
			"template": map[string]any{"id": "thanks", "variables": map[string]any{"PLAN": map[string]any{"var": "event.plan"}, "N": 3.0}},
			"from":     "a@acme.example", "subject": "Thanks", "reply_to": "b@acme.example",
		}},
		{Key: "u", Type: resend.AutomationStepTypeContactUpdate, Config: map[string]any{
			"first_name": "Ada", "unsubscribed": true, "properties": map[string]any{"seats": map[string]any{"var": "wait_events.user.upgraded.seats"}},
		}},
		{Key: "s", Type: resend.AutomationStepTypeAddToSegment, Config: map[string]any{"segment_id": "customers"}},
		{Key: "d", Type: resend.AutomationStepTypeContactDelete, Config: map[string]any{}},
	}
	connections := []resend.AutomationConnection{
		{From: "t", To: "w", Type: resend.AutomationConnectionTypeDefault},
		{From: "w", To: "c", Type: resend.AutomationConnectionTypeEventReceived},
		{From: "w", To: "d", Type: resend.AutomationConnectionTypeTimeout},
		{From: "c", To: "e", Type: resend.AutomationConnectionTypeConditionMet},
		{From: "c", To: "s", Type: resend.AutomationConnectionTypeConditionNotMet},
		{From: "e", To: "u", Type: resend.AutomationConnectionTypeDefault},
	}
	created, err := w.Automations.Create(&resend.CreateAutomationRequest{
		Name: "All", Status: resend.AutomationStatusEnabled, Steps: steps, Connections: connections,
	})
	require.NoError(t, err)
	got, err := w.Automations.Get(created.Id)
	require.NoError(t, err)
	assert.Equal(t, resend.AutomationStatusEnabled, got.Status)
	assert.Equal(t, connections, got.Connections)
	require.Len(t, got.Steps, len(steps))
	for i, step := range steps {
		assert.Equal(t, resend.AutomationStepResponse(step), got.Steps[i])
	}
}

func TestAutomations_AreListedNewestFirst(t *testing.T) {
	t.Parallel()
	w := setup(t)
	empty, err := w.Automations.List()
	require.NoError(t, err)
	assert.Equal(t, resend.ListAutomationsResponse{Object: "list", Data: []resend.AutomationListItem{}}, empty)

	a, b, c := w.create("A"), w.create("B"), w.create("C")
	_, err = w.Automations.Update(b, &resend.UpdateAutomationRequest{Status: resend.AutomationStatusEnabled})
	require.NoError(t, err)
	all, err := w.Automations.List()
	require.NoError(t, err)
	assert.Equal(t, resend.ListAutomationsResponse{Object: "list", Data: []resend.AutomationListItem{
		automationItem(w.kept(c)), automationItem(w.kept(b)), automationItem(w.kept(a)),
	}}, all)

	for name, c := range map[string]struct {
		options resend.ListAutomationsOptions
		ids     []string
		more    bool
	}{
		"a page":       {resend.ListAutomationsOptions{Limit: ptr(2)}, []string{c, b}, true},
		"the next":     {resend.ListAutomationsOptions{Limit: ptr(2), After: &b}, []string{a}, false},
		"the previous": {resend.ListAutomationsOptions{Limit: ptr(1), Before: &a}, []string{b}, true},
		"of a status":  {resend.ListAutomationsOptions{Status: ptr(resend.AutomationStatusEnabled)}, []string{b}, false},
	} {
		page, err := w.Automations.ListWithOptions(t.Context(), &c.options)
		require.NoError(t, err, name)
		var ids []string
		for _, item := range page.Data {
			ids = append(ids, item.Id)
		}
		assert.Equal(t, c.ids, ids, name)
		assert.Equal(t, c.more, page.HasMore, name)
	}
}

func TestAutomations_AreChanged(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.create("Goodbye")
	updated, err := w.Automations.Update(id, &resend.UpdateAutomationRequest{Name: "Farewell", Status: resend.AutomationStatusEnabled})
	require.NoError(t, err)
	assert.Equal(t, resend.UpdateAutomationResponse{Object: "automation", Id: id}, updated)
	a := w.kept(id)
	assert.Equal(t, "Farewell", a.Name)
	assert.Equal(t, automation.StatusEnabled, a.Status)
	assert.Len(t, a.Steps, 3)
	assert.NotEqual(t, a.CreatedAt, a.UpdatedAt)

	graph := goodbye("")
	graph.Steps[1].Config["duration"] = "2 days"
	_, err = w.Automations.Update(id, &resend.UpdateAutomationRequest{Steps: graph.Steps, Connections: graph.Connections})
	require.NoError(t, err)
	got, err := w.Automations.Get(id)
	require.NoError(t, err)
	assert.Equal(t, "2 days", got.Steps[1].Config["duration"])
	assert.Equal(t, "Farewell", got.Name)

	_, err = w.Automations.Update(id, &resend.UpdateAutomationRequest{})
	assert.ErrorContains(t, err, "name")
	_, err = w.Automations.Update(id, &resend.UpdateAutomationRequest{Steps: graph.Steps})
	assert.ErrorContains(t, err, "connections")
}

func TestAutomations_AreStoppedAndDeleted(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.create("Goodbye")
	_, err := w.Automations.Update(id, &resend.UpdateAutomationRequest{Status: resend.AutomationStatusEnabled})
	require.NoError(t, err)

	stopped, err := w.Automations.Stop(id)
	require.NoError(t, err)
	assert.Equal(t, resend.StopAutomationResponse{Object: "automation", Id: id, Status: "disabled"}, stopped)
	assert.Equal(t, automation.StatusDisabled, w.kept(id).Status)

	removed, err := w.Automations.Remove(id)
	require.NoError(t, err)
	assert.Equal(t, resend.DeleteAutomationResponse{Object: "automation", Id: id, Deleted: true}, removed)
	_, err = w.runner.GetAutomation(t.Context(), id)
	assert.ErrorIs(t, err, automation.ErrNotFound)
}
