package automationtest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/automationtest"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/template"
)

// shop returns a library with these templates: a subject for each name.
func shop(subjects map[string]string) *template.Library {
	library, err := template.New(template.Options{From: "Shop <hello@example.com>"})
	if err != nil {
		panic(err)
	}
	for name, subject := range subjects {
		_, err := library.Create(template.Template{ID: name, Name: name, Status: template.StatusPublished, Subject: subject, HTML: "<p>" + subject + "</p>"})
		if err != nil {
			panic(err)
		}
	}
	return library
}

// greeting sends the email hello with these variables.
func greeting(variables map[string]automation.Value) automation.Automation {
	return automation.Automation{
		Name: "Greeting",
		Steps: []automation.Step{
			{Key: "start", Config: automation.Trigger{EventName: "user.created"}},
			{Key: "mail", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "hello", Variables: variables}}},
		},
		Connections: []automation.Connection{{From: "start", To: "mail"}},
	}
}

// A test renders the emails from the templates of the application.
func ExampleHarness_Message() {
	t := &printer{out: os.Stdout}
	library, err := template.New(template.Options{From: "Shop <hello@example.com>"})
	if err != nil {
		panic(err)
	}
	// An application uses its embed.FS, or os.DirFS("emails").
	files := fstest.MapFS{
		"hello.json": {Data: []byte(`{"name": "Hello", "subject": "Welcome to {{{PLAN}}}"}`)},
		"hello.html": {Data: []byte(`<p>Hello {{FIRST_NAME|friend}}!</p>`)},
	}
	if err := library.Load(files); err != nil {
		panic(err)
	}
	h := automationtest.New(t, automationtest.Options{Templates: library}, greeting(map[string]automation.Value{
		"PLAN": automation.Var("event.plan"),
	}))

	h.Send("user.created", "ada@example.com", map[string]any{"plan": "R&D"})
	message := h.Message("ada@example.com", "hello")
	fmt.Println(message.Subject)
	fmt.Println(message.HTML)
	fmt.Println(message.Text)

	h.Send("user.created", "grace@example.com", nil) // the event has no plan
	// Output:
	// Welcome to R&D
	// <p>Hello friend!</p>
	// Hello friend!
	// error: step "mail": email to grace@example.com: automation: template "hello": variables.PLAN: has no value and no fallback
}

// The definitions of the events find a misspelt path before any event is sent.
func ExampleOptions_definitions() {
	t := &printer{out: os.Stdout}
	automationtest.New(t, automationtest.Options{
		Definitions: []automation.EventDefinition{{Name: "user.created", Schema: []byte(`{"plan": "string"}`)}},
	}, greeting(map[string]automation.Value{"PLAN": automation.Var("event.plna")}))
	// Output:
	// error: automation "Greeting": step "mail": the definition of event "user.created" has no field "plna": did you mean "event.plan"?
}

func TestTemplates_MistakesFailTheTestAtItsStart(t *testing.T) {
	t.Parallel()
	draft := shop(nil)
	_, err := draft.Create(template.Template{ID: "hello", Name: "Hello", Subject: "Hi", Text: "Hi"})
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		library   *template.Library
		variables map[string]automation.Value
		want      string
	}{
		"missing template":  {shop(nil), nil, `there is no template "hello": create it, or the email will fail`},
		"draft":             {draft, nil, `template "hello" is not published`},
		"missing variable":  {shop(map[string]string{"hello": "{{PLAN}}"}), nil, `template "hello" needs the variable "PLAN", which has no value and no fallback`},
		"unknown variable":  {shop(map[string]string{"hello": "Hi"}), map[string]automation.Value{"PLAN": automation.Null()}, `template "hello" has no variable "PLAN"`},
		"reference as text": {shop(map[string]string{"hello": "{{PLAN}}"}), map[string]automation.Value{"PLAN": automation.String("{{event.plan}}")}, `{{event.plan}} stays as it is`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log strings.Builder
			automationtest.New(&printer{out: &log}, automationtest.Options{Templates: tt.library}, greeting(tt.variables))
			assert.Contains(t, log.String(), `error: automation "Greeting": step "mail": `+tt.want)
			assert.Equal(t, 1, strings.Count(log.String(), "error"))
		})
	}
}

func TestTemplates_EmailsThatRenderPass(t *testing.T) {
	t.Parallel()
	library := shop(map[string]string{"welcome": "Welcome", "nudge": "Still there, {{FIRST_NAME|friend}}?", "tips": "Tips"})
	h := automationtest.New(t, automationtest.Options{Templates: library}, automationtest.Load(t, "testdata/welcome.json", nil))
	h.AddContact(automation.Contact{Email: ada, FirstName: "Ada"})
	h.Send("user.created", ada, nil)
	h.AdvanceToEnd()
	h.AssertEmails(ada, "welcome", "nudge")
	var subjects []string
	for _, m := range h.Messages(ada) {
		subjects = append(subjects, m.Subject)
	}
	assert.Equal(t, []string{"Welcome", "Still there, Ada?"}, subjects)
	assert.Equal(t, "<p>Still there, Ada?</p>", h.Message(ada, "nudge").HTML)
	assert.Empty(t, h.Messages("grace@example.com"))
}

// A failed attempt keeps no message, and the next attempt renders the email again.
func TestTemplates_WorkWithAnOutage(t *testing.T) {
	t.Parallel()
	h := automationtest.New(t, automationtest.Options{Templates: shop(map[string]string{"hello": "Hi {{FIRST_NAME}}"})}, greeting(nil))
	down := true
	h.Mailer.Respond = func(context.Context, automation.Email) error {
		if down {
			return errors.New("503")
		}
		return nil
	}
	h.Send("user.created", ada, nil)
	assert.Empty(t, h.Messages(ada))
	down = false
	name := "Ada"
	h.UpdateContact(ada, automation.ContactChange{FirstName: &name})
	h.Advance(time.Hour)
	assert.Equal(t, "Hi Ada", h.Message(ada, "hello").Subject)
}

// hostRenderer renders without describing its templates.
type hostRenderer func(e automation.Email) (mail.Message, error)

func (r hostRenderer) RenderEmail(_ context.Context, e automation.Email) (mail.Message, error) {
	return r(e)
}

func TestTemplates_TakeAnyRenderer(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err    error
		report string
	}{
		"renders":        {nil, ""},
		"fails for good": {automation.Permanent(errors.New("no such file")), `error: step "mail": email to ada@example.com: no such file` + "\n"},
		"fails again":    {errors.New("busy"), `error: step "mail": email to ada@example.com: busy` + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log strings.Builder
			h := automationtest.New(&printer{out: &log}, automationtest.Options{
				Templates: hostRenderer(func(e automation.Email) (mail.Message, error) { return mail.Message{Subject: e.TemplateID}, tt.err }),
			}, greeting(nil))
			h.Send("user.created", ada, nil)
			h.AdvanceToEnd()
			assert.Equal(t, tt.report, log.String(), "once, also after many attempts")
			if tt.err == nil {
				assert.Equal(t, "hello", h.Message(ada, "hello").Subject)
			}
		})
	}
}

func TestMessage_ReportsWhatIsMissing(t *testing.T) {
	t.Parallel()
	h, _ := reporting(t)
	h.Send("user.created", ada, nil)
	assert.Equal(t, "automationtest: emails are not rendered: set Options.Templates", fatally(func() { h.Messages(ada) }))
	assert.Equal(t, "automationtest: emails are not rendered: set Options.Templates", fatally(func() { h.Message(ada, "welcome") }))
	assert.Equal(t, `no email "tips" was sent to ada@example.com; it got welcome`, fatally(func() { h.Message(ada, "tips") }))
}

func TestDefinitions_ConvertAndRefusePayloads(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	h := automationtest.New(&printer{out: &log}, automationtest.Options{
		Definitions: []automation.EventDefinition{{Name: "user.created", Schema: []byte(`{"seats": "number"}`)}},
		Templates:   shop(map[string]string{"hello": "{{SEATS}}"}),
	}, greeting(map[string]automation.Value{"SEATS": automation.Var("event.seats")}))
	require.Empty(t, log.String())
	h.Send("user.created", ada, map[string]any{"seats": "5"})
	assert.Equal(t, "5", h.Message(ada, "hello").Subject)
	message := fatally(func() { h.Send("user.created", ada, map[string]any{"seats": "many"}) })
	assert.Contains(t, message, "payload.seats")

	message = fatally(func() {
		automationtest.New(&printer{out: &log}, automationtest.Options{Definitions: []automation.EventDefinition{{Name: "user.created", Schema: []byte(`{"seats": "numbre"}`)}}})
	})
	assert.Contains(t, message, `automationtest: define "user.created": `)
}
