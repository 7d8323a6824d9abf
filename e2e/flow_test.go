package e2e

import (
	"net/url"
	"testing"
	"time"

	"github.com/resend/resend-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/mail"
)

// connect returns a client of a server. Without the second line the client would use the
// variable RESEND_BASE_URL.
func connect(key, server string) (*resend.Client, error) {
	var err error
	client := resend.NewClient(key)
	client.BaseURL, err = url.Parse(server + "/") // with the slash, if there is a path
	return client, err
}

// welcome greets a new user by email, and waits for an upgrade.
func welcome(client *resend.Client) (id string, err error) {
	created, err := client.Automations.Create(&resend.CreateAutomationRequest{
		Name:   "Welcome",
		Status: resend.AutomationStatusDisabled,
		Steps: []resend.AutomationStep{
			{Key: "start", Type: resend.AutomationStepTypeTrigger, Config: map[string]any{"event_name": "user.created"}},
			{Key: "hello", Type: resend.AutomationStepTypeSendEmail, Config: map[string]any{
				"template": map[string]any{"id": "welcome", "variables": map[string]any{"PLAN": map[string]any{"var": "event.plan"}}},
			}},
			{Key: "upgrade", Type: resend.AutomationStepTypeWaitForEvent, Config: map[string]any{
				"event_name": "user.upgraded", "timeout": "3 days",
			}},
			{Key: "thank", Type: resend.AutomationStepTypeAddToSegment, Config: map[string]any{"segment_id": "customers"}},
		},
		Connections: []resend.AutomationConnection{
			{From: "start", To: "hello"},
			{From: "hello", To: "upgrade"},
			{From: "upgrade", To: "thank", Type: resend.AutomationConnectionTypeEventReceived},
		},
	})
	return created.Id, err
}

// signUp sends the event of a new user.
func signUp(client *resend.Client, email, plan string) error {
	_, err := client.Events.Send(&resend.SendEventRequest{
		Event: "user.created", Email: email, Payload: map[string]any{"plan": plan},
	})
	return err
}

// One story with every call, as an application would make them.
func TestFlow_FromDefinitionsToDeletion(t *testing.T) {
	t.Parallel()
	w := setup(t)
	client, err := connect(apiKey, w.url)
	require.NoError(t, err)

	w.define("user.created", map[string]string{"plan": "string"})
	w.define("user.upgraded", nil)
	customers := w.group("Customers")
	template, err := client.Templates.Create(&resend.CreateTemplateRequest{
		Name: "Welcome", Alias: "welcome", Subject: "Welcome, {{{FIRST_NAME|friend}}}", Html: "<p>You are on {{{PLAN}}}.</p>",
		Variables: []*resend.TemplateVariable{{Key: "PLAN", Type: resend.VariableTypeString}},
	})
	require.NoError(t, err)
	_, err = client.Templates.Publish(template.Id)
	require.NoError(t, err)
	contact, err := client.Contacts.Create(&resend.CreateContactRequest{Email: "ada@example.com", FirstName: "Ada"})
	require.NoError(t, err)

	id, err := welcome(client)
	require.NoError(t, err)
	_, err = client.Automations.Update(id, inSegment(t, client, id, customers.Id))
	require.NoError(t, err)
	require.NoError(t, signUp(client, "ada@example.com", "pro"))
	w.drain()
	runs, err := client.Automations.ListRuns(id)
	require.NoError(t, err)
	assert.Empty(t, runs.Data, "it is not enabled yet")

	_, err = client.Automations.Update(id, &resend.UpdateAutomationRequest{Status: resend.AutomationStatusEnabled})
	require.NoError(t, err)
	require.NoError(t, signUp(client, "Ada@example.com", "pro"))
	w.drain()
	require.Len(t, w.sent, 1)
	assert.Equal(t, mail.Message{
		From: "hello@acme.example", To: "ada@example.com", Subject: "Welcome, Ada",
		HTML: "<p>You are on pro.</p>", Text: w.sent[0].Text,
	}, w.sent[0])

	w.later()
	_, err = client.Events.Send(&resend.SendEventRequest{Event: "user.upgraded", ContactId: contact.Id})
	require.NoError(t, err)
	w.drain()
	runs, err = client.Automations.ListRunsWithContext(t.Context(), id, &resend.ListAutomationRunsOptions{
		Status: []resend.AutomationRunStatus{resend.AutomationRunStatusCompleted},
	})
	require.NoError(t, err)
	require.Len(t, runs.Data, 1)
	run, err := client.Automations.GetRun(id, runs.Data[0].Id)
	require.NoError(t, err)
	w.assertRun(run)
	var steps []string
	for _, step := range run.Steps {
		steps = append(steps, step.Key+" "+step.Status)
	}
	assert.Equal(t, []string{"start completed", "hello completed", "upgrade completed", "thank completed"}, steps)
	members, err := client.Contacts.List(&resend.ListContactsOptions{SegmentId: customers.Id})
	require.NoError(t, err)
	require.Len(t, members.Data, 1)
	assert.Equal(t, contact.Id, members.Data[0].Id)

	require.NoError(t, signUp(client, "bob@example.com", "free"))
	w.drain()
	_, err = client.Automations.Stop(id)
	require.NoError(t, err)
	require.NoError(t, signUp(client, "cat@example.com", "free"))
	w.clock.Add(4 * 24 * time.Hour)
	w.drain()
	assert.Len(t, w.sent, 2, "no run starts after the stop, and started runs end")
	_, err = client.Automations.Remove(id)
	require.NoError(t, err)
	_, err = client.Contacts.Remove(&resend.RemoveContactOptions{Id: "ada@example.com"})
	require.NoError(t, err)
	_, err = client.Segments.Remove(customers.Id)
	require.NoError(t, err)
	_, err = client.Templates.Remove("welcome")
	require.NoError(t, err)
	_, err = client.Events.Remove("user.created")
	require.NoError(t, err)
}

// inSegment reads an automation, and returns it with this segment in its last step, to show
// that an automation can be sent as it was read.
func inSegment(t *testing.T, client *resend.Client, id, segment string) *resend.UpdateAutomationRequest {
	t.Helper()
	steps, connections := readGraph(t, client, id)
	steps[len(steps)-1].Config["segment_id"] = segment
	return &resend.UpdateAutomationRequest{Steps: steps, Connections: connections}
}

// readGraph returns the graph of an automation in the form in which the client sends it.
func readGraph(t *testing.T, client *resend.Client, id string) ([]resend.AutomationStep, []resend.AutomationConnection) {
	t.Helper()
	got, err := client.Automations.Get(id)
	require.NoError(t, err)
	steps := make([]resend.AutomationStep, len(got.Steps))
	for i, step := range got.Steps {
		steps[i] = resend.AutomationStep(step)
	}
	return steps, got.Connections
}
