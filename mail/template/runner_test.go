package template_test

import (
	"context"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/template"
	"github.com/seed-b636437c/automation/store/memory"
)

// postbox is a mailer that keeps the messages of its library.
type postbox struct {
	*template.Library
	sent []mail.Message
}

func (p *postbox) SendEmail(ctx context.Context, email automation.Email) (string, error) {
	m, err := p.RenderEmail(ctx, email)
	if err != nil {
		return "", err
	}
	p.sent = append(p.sent, m)
	return "id", nil
}

// mailing is an automation that sends one template a day.
func mailing(refs ...automation.TemplateRef) automation.Automation {
	a := automation.Automation{
		ID: "mailing", Name: "Mailing", Status: automation.StatusEnabled,
		Steps: []automation.Step{{Key: "start", Config: automation.Trigger{EventName: "go"}}},
	}
	add := func(key string, config automation.StepConfig) {
		a.Connections = append(a.Connections, automation.Connection{From: a.Steps[len(a.Steps)-1].Key, To: key})
		a.Steps = append(a.Steps, automation.Step{Key: key, Config: config})
	}
	for i, ref := range refs {
		if i > 0 {
			add("pause_"+ref.ID, automation.Delay{Duration: automation.MustParseDuration("1 day")})
		}
		add("send_"+ref.ID, automation.SendEmail{Template: ref})
	}
	return a
}

func TestRunner_WarnsAboutTemplates(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	_, err := w.Create(template.Template{ID: "good", Name: "Good", Subject: "S", Text: "{{NAME}}", Status: template.StatusPublished})
	require.NoError(t, err)
	_, err = w.Create(template.Template{ID: "draft", Name: "Draft", Subject: "S", Text: "x"})
	require.NoError(t, err)
	r, err := automation.New(memory.New(), &postbox{Library: w.Library}, automation.Options{})
	require.NoError(t, err)
	found, err := r.ValidateAutomation(t.Context(), mailing(
		automation.TemplateRef{ID: "good", Variables: map[string]automation.Value{
			"NAME": automation.Var("contact.first_name"), "PLAN": automation.Var("event.plan"),
		}},
		automation.TemplateRef{ID: "draft"},
		automation.TemplateRef{ID: "gone"},
	))
	require.NoError(t, err)
	var list []string
	for _, p := range found.Warnings() {
		list = append(list, p.Step+" "+string(p.Code))
	}
	assert.Equal(t, []string{
		"send_good unknown_template_variable", "send_draft unpublished_template", "send_gone unknown_template",
	}, list)
	assert.Empty(t, found.Errors())
}

func TestRunner_SendsTheVersionThatIsPublishedThen(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	box := &postbox{Library: w.Library}
	mock := clock.NewMock()
	r, err := automation.New(memory.New(), box, automation.Options{Clock: mock})
	require.NoError(t, err)
	for _, id := range []string{"one", "two", "three"} {
		_, err = w.Create(template.Template{
			ID: id, Name: id, Subject: id, Text: "old, {{FIRST_NAME|friend}}", Status: template.StatusPublished,
		})
		require.NoError(t, err)
	}
	_, err = r.Apply(t.Context(), mailing(automation.TemplateRef{ID: "one"}, automation.TemplateRef{ID: "two"}, automation.TemplateRef{ID: "three"}))
	require.NoError(t, err)
	day := func() {
		_, err := r.Drain(t.Context())
		require.NoError(t, err)
		mock.Add(24 * time.Hour)
	}
	_, err = r.Send(t.Context(), automation.Event{Name: "go", Email: "ada@example.com"})
	require.NoError(t, err)
	day()
	_, err = w.Update("two", template.Change{Text: ptr("draft")})
	require.NoError(t, err)
	day()
	_, err = w.Update("three", template.Change{Text: ptr("new, {{FIRST_NAME|friend}}")})
	require.NoError(t, err)
	_, err = w.Publish("three")
	require.NoError(t, err)
	day()
	require.Len(t, box.sent, 3)
	assert.Equal(t, "old, friend", box.sent[1].Text, "an update that is not published is not sent")
	assert.Equal(t, "new, friend", box.sent[2].Text)
}

func TestRunner_FailsTheStepThatLacksAVariable(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	_, err := w.Create(template.Template{ID: "plan", Name: "Plan", Subject: "S", Text: "{{PLAN}} {{SEATS}}", Status: template.StatusPublished})
	require.NoError(t, err)
	r, err := automation.New(memory.New(), &postbox{Library: w.Library}, automation.Options{})
	require.NoError(t, err)
	_, err = r.Apply(t.Context(), mailing(automation.TemplateRef{ID: "plan", Variables: map[string]automation.Value{"PLAN": automation.Var("event.plan")}}))
	require.NoError(t, err)
	_, err = r.Send(t.Context(), automation.Event{Name: "go", Email: "ada@example.com"})
	require.NoError(t, err)
	_, err = r.Drain(t.Context())
	require.NoError(t, err)
	runs, err := r.ListRuns(t.Context(), automation.RunQuery{})
	require.NoError(t, err)
	run, err := r.GetRun(t.Context(), runs.Data[0].ID)
	require.NoError(t, err)
	assert.Equal(t, automation.RunFailed, run.Status, "at once")
	for _, name := range []string{"PLAN", "SEATS"} {
		assert.Contains(t, run.Steps[1].Error.Message, "variables."+name)
	}
}

// During a deploy, a process of the former release may send an email whose template only the
// new release has.
func TestRunner_RunWhoseTemplateIsMissingFailsAndCanBeRetried(t *testing.T) {
	t.Parallel()
	older, newer := setup(t, template.Options{}), setup(t, template.Options{})
	_, err := newer.Create(template.Template{ID: "new", Name: "New", Subject: "S", Text: "x", Status: template.StatusPublished})
	require.NoError(t, err)
	store, sent := memory.New(), &postbox{Library: newer.Library}
	node := func(m automation.Mailer) *automation.Runner {
		r, err := automation.New(store, m, automation.Options{})
		require.NoError(t, err)
		return r
	}
	former, next := node(&postbox{Library: older.Library}), node(sent)
	_, err = next.Apply(t.Context(), mailing(automation.TemplateRef{ID: "new"}))
	require.NoError(t, err)
	_, err = next.Send(t.Context(), automation.Event{Name: "go", Email: "ada@example.com"})
	require.NoError(t, err)
	_, err = former.Drain(t.Context())
	require.NoError(t, err)
	runs, err := next.ListRuns(t.Context(), automation.RunQuery{})
	require.NoError(t, err)
	require.Equal(t, automation.RunFailed, runs.Data[0].Status, "at once")

	_, err = next.RetryRun(t.Context(), runs.Data[0].ID)
	require.NoError(t, err)
	_, err = next.Drain(t.Context())
	require.NoError(t, err)
	assert.Len(t, sent.sent, 1)
}
