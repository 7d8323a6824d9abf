package automation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

func TestSmoke(t *testing.T) {
	ctx := context.Background()
	mock := clock.NewMock()
	mailer := capture.New()
	r, err := automation.New(memory.New(), mailer, automation.Options{Clock: mock})
	require.NoError(t, err)
	a, err := r.CreateAutomation(ctx, automation.Automation{
		Name: "Welcome", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "start", Config: automation.Trigger{EventName: "user.created"}},
			{Key: "check", Config: automation.Condition{Rule: automation.Field("event.plan").Eq("pro")}},
			{Key: "update", Config: automation.ContactUpdate{FirstName: automation.Var("event.name")}},
			{Key: "send", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "welcome", Variables: map[string]automation.Value{"N": automation.Var("contact.first_name")}}}},
			{Key: "wait", Config: automation.WaitForEvent{EventName: "user.active", Timeout: automation.MustParseDuration("3 days")}},
			{Key: "again", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "again"}}},
		},
		Connections: []automation.Connection{
			{From: "start", To: "check"},
			{From: "check", To: "update", Type: automation.ConnectionConditionMet},
			{From: "update", To: "send"},
			{From: "send", To: "wait"},
			{From: "wait", To: "again", Type: automation.ConnectionTimeout},
		},
	})
	require.NoError(t, err)
	_, err = r.Send(ctx, automation.Event{Name: "user.created", Email: "a@example.com", Payload: automation.Payload(map[string]any{"plan": "pro", "name": "Ann"})})
	require.NoError(t, err)
	n, err := r.Drain(ctx)
	require.NoError(t, err)
	fmt.Println("drained", n)
	mock.Add(3 * 24 * time.Hour)
	n, err = r.Drain(ctx)
	require.NoError(t, err)
	fmt.Println("drained", n)
	page, err := r.ListRuns(ctx, automation.RunQuery{AutomationID: a.ID})
	require.NoError(t, err)
	run, err := r.GetRun(ctx, page.Data[0].ID)
	require.NoError(t, err)
	b, _ := json.MarshalIndent(run, "", " ")
	fmt.Println(string(b))
	require.Len(t, mailer.Emails(), 2)
}
