package browser_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/template"
)

// odd is the id of a contact that a careless link or page would break on.
const odd = `c/1?"<script>`

// newPeopleSite serves a dashboard with templates, contacts and events in every state.
func newPeopleSite(t testing.TB) *site {
	t.Helper()
	s := serve(t, world.New(t, automation.Options{}), dashboard.Options{
		ContactURL: func(c automation.Contact) string { return "https://acme.example/users/" + c.ID },
		SentEmails: asSent{},
	})
	s.fillTemplates()
	s.fillPeople()
	return s
}

// asSent are emails that were sent before their template changed.
type asSent struct{}

func (asSent) SentEmail(context.Context, string) (mail.Message, error) {
	return mail.Message{
		From: "Shop <hello@example.com>", To: "ada@example.com", ReplyTo: "help@example.com", Subject: "Welcome, Ada 🎉",
		HTML: `<body style="font-family:sans-serif;padding:24px"><h1>Welcome, Ada</h1><p>You are on <b>pro</b> with 3 seats.</p>` +
			`<p><a href="https://acme.example/leave?contact=1">Unsubscribe</a></p></body>`,
		Text: "Welcome, Ada", UnsubscribeURL: "https://acme.example/leave?contact=1",
	}, nil
}

func (s *site) fillTemplates() {
	for _, t := range []template.Template{
		{
			ID: "hello", Name: "Hello, <b>you</b>", Subject: "Welcome, {{{FIRST_NAME|friend}}} 🎉", Status: template.StatusPublished,
			HTML: `<body style="font-family:sans-serif;padding:24px"><h1 style="color:#2450d3">Welcome</h1><p>You are on <b>{{PLAN}}</b> with {{SEATS}} seats.</p>` +
				`<img src="https://example.com/logo.png" alt="logo"><p><a href="{{UNSUBSCRIBE_URL}}">Unsubscribe</a></p><script>parent.document.title = "broken"</script></body>`,
			Variables: []template.Variable{{Key: "PLAN", Type: template.TypeString}, {Key: "SEATS", Type: template.TypeNumber, FallbackValue: 1}, {Key: "TRIAL", Type: template.TypeBoolean}},
		},
		{ID: "billing/receipt", Name: "إيصال", HTML: "<p>Total {{TOTAL}}</p>"},
	} {
		_, err := s.library.Create(t)
		require.NoError(s.T, err)
	}
}

func (s *site) fillPeople() {
	flow := world.Flow("welcome", "user.created", world.Email("hello"), world.Wait("project", "project.created"), world.Email("tips"))
	flow.Name = "Welcome مرحبا 🎉"
	s.Create(flow)
	for name, schema := range map[string]string{
		"user.created":    `{"plan":"string","seats":"number","since":"date","trial":"boolean"}`,
		"project.created": `{"type":"object","required":["name"],"properties":{"name":{"type":"string"},"members":{"type":"array"}}}`,
		"a.long.name.of.an.event.that.goes.on.and.on.and.on.until.it.fits.no.line.of.any.screen.at.all": ``,
	} {
		_, err := s.CreateEventDefinition(s.Ctx, automation.EventDefinition{Name: name, Schema: []byte(schema)})
		require.NoError(s.T, err)
	}
	_, err := s.CreateSegment(s.Ctx, automation.Segment{ID: "vip", Name: "Very important people"})
	require.NoError(s.T, err)
	for _, p := range []automation.ContactProperty{{Key: "plan", Type: automation.PropertyString, Fallback: "free"}, {Key: "age", Type: automation.PropertyNumber}} {
		_, err := s.CreateContactProperty(s.Ctx, p)
		require.NoError(s.T, err)
	}
	s.AddContact(automation.Contact{
		ID: odd, Email: "ada@example.com", FirstName: "Ada", LastName: "Lovelace مرحبا", Segments: []string{"vip", "nameless"},
		Properties: map[string]any{"plan": "pro", "company": "<script>alert(1)</script>"},
	})
	s.AddContact(automation.Contact{ID: "gone", Email: "someone.who.left.and.has.a.long.address@subdomain.of.example.com", Unsubscribed: true})
	for i := range 60 {
		s.Send(automation.Event{Name: "user.created", Email: fmt.Sprintf("user%d@example.com", i), Payload: automation.Payload(map[string]any{"plan": "pro", "seats": i})})
	}
	s.Send(automation.Event{Name: "user.created", ContactID: odd, Payload: []byte(`{"plan":"<script>","seats":3,"teams":[{"name":"R&D"}]}`)})
	s.Drain()
	s.Send(automation.Event{Name: "project.created", Email: "ada@example.com", Payload: []byte(`{"name":"first"}`)},
		automation.Event{Name: "unknown.event", Email: "ada@example.com"})
	s.Drain()
	s.Send(automation.Event{Name: "user.created", Email: "pending@example.com"})
}

// peoplePages are the pages about contacts, events, templates and emails.
func (s *site) peoplePages() []string {
	contact := "/contacts/c%2F1%3F%22%3Cscript%3E"
	return []string{
		"/contacts", "/contacts?email=user1", "/contacts?segment=none", contact, contact + "?show=events", contact + "?show=properties", contact + "/erase",
		"/events", "/events?name=user.created&contact=ada%40example.com", "/events/new", "/events/user.created", "/events/project.created", "/events/delete/user.created",
		"/events/send", "/events/send?name=user.created&contact=ada%40example.com", "/events/send?event=" + s.RunOf(odd).EventID, "/events/log/" + s.RunOf(odd).EventID,
		"/templates", "/templates/hello", "/templates/hello?show=source", "/templates/billing%2Freceipt?show=text",
		"/search?q=user", "/search?q=nothing-fits",
		"/a/welcome/runs/" + s.RunOf(odd).ID + "?step=hello", "/emails/" + s.RunOf(odd).ID + "/hello",
	}
}

func TestPagesAboutPeople_AreAccessible(t *testing.T) {
	t.Parallel()
	s := newPeopleSite(t)
	b := newTab(t, s)
	for _, path := range s.peoplePages() {
		b.open(path)
		b.everyLook(func(look string) {
			b.accessible(path + " " + look)
			b.picture(path, look)
		})
	}
}

func TestTemplatePreview_RunsNoScriptsAndLoadsNoImagesBeforeAClick(t *testing.T) {
	t.Parallel()
	s := newPeopleSite(t)
	b := newTab(t, s)
	b.expect("example.com/logo.png") // the policy blocks it
	b.expect("Blocked script execution")
	b.open("/templates/hello")
	b.see("iframe.email")
	b.until("document.title.startsWith('Hello')")
	assert.Contains(t, eval[string](b, "fetch(document.querySelector('iframe.email').src).then(r => r.headers.get('Content-Security-Policy'))"), "img-src data:; sandbox")
}

func TestSender_WorksFromTheFormToThePageOfTheEvent(t *testing.T) {
	t.Parallel()
	s := newPeopleSite(t)
	b := newTab(t, s)
	b.open("/events/send?name=user.created&contact=new%40example.com")
	b.do(chromedp.SendKeys(chromedp.CSS("#field\\.plan"), "pro"))
	b.click("button.primary")
	b.see(".badge.pending")
	s.Drain()
	b.see(".badge.started") // the page reloads itself
}
