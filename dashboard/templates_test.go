package dashboard_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/mail/template"
)

// newLibrary returns a library with one template, whose id has a slash.
func newLibrary(t testing.TB) *template.Library {
	t.Helper()
	clock := world.NewPacedClock()
	clock.Set(world.Start)
	library, err := template.New(template.Options{
		From:           "Shop <hello@example.com>",
		Clock:          clock,
		UnsubscribeURL: func(c automation.Contact) (string, error) { return "https://acme.example/leave/" + c.ID, nil },
	})
	require.NoError(t, err)
	_, err = library.Create(template.Template{
		ID: "team/hello", Name: "<b>Hello</b>", Subject: "Hello {{{FIRST_NAME|friend}}}", Status: template.StatusPublished,
		HTML:      `<p>{{PLAN}} {{SEATS}} {{contact.properties.phone}}</p><img src="https://example.com/x.png"><script>alert(1)</script><a href="{{UNSUBSCRIBE_URL}}">x</a>`,
		Variables: []template.Variable{{Key: "PLAN", Type: template.TypeString}, {Key: "SEATS", Type: template.TypeNumber, FallbackValue: 3}},
	})
	require.NoError(t, err)
	return library
}

func TestTemplates_AreShownWhereThereAreAny(t *testing.T) {
	t.Parallel()
	without := newSite(t, dashboard.Options{})
	assert.Equal(t, http.StatusNotFound, without.get("/templates").Code)
	assert.NotContains(t, without.get("/").Body.String(), "Templates")

	s := newSite(t, dashboard.Options{Templates: newLibrary(t)})
	list := s.get("/templates").Body.String()
	assert.Contains(t, list, "&lt;b&gt;Hello&lt;/b&gt;")
	assert.Contains(t, list, `href="./templates/team%2Fhello"`)
	assert.Contains(t, list, "published")

	page := s.get("/templates/team%2Fhello").Body.String()
	assert.Contains(t, page, `name="v.PLAN" value="PLAN"`, "what is required has an example")
	assert.Contains(t, page, `placeholder="3"`)
	assert.Contains(t, page, `<iframe class="email" sandbox src="../templates/team%2Fhello/preview"`)
	assert.Contains(t, page, "Hello friend")
	assert.NotContains(t, page, "alert(1)")
	assert.Contains(t, s.get("/templates/team%2Fhello?show=source").Body.String(), "&lt;script&gt;alert(1)&lt;/script&gt;")
	assert.Contains(t, s.get("/templates/team%2Fhello?show=text").Body.String(), "made from the HTML")
	assert.Equal(t, http.StatusNotFound, s.get("/templates/none").Code)
	assert.Equal(t, http.StatusNotFound, s.get("/templates/none/preview").Code)
	assert.Equal(t, http.StatusNotFound, s.get("/templates?after=none").Code)
}

func TestTemplatePreview_HasAPolicyOfItsOwn(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{Templates: newLibrary(t), FrameAncestors: []string{"https://admin.acme.example"}})
	answer := s.get("/templates/team%2Fhello/preview?v.PLAN=%3Cpro%3E&v.SEATS=5")
	assert.Equal(t, "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self' https://admin.acme.example",
		answer.Header().Get("Content-Security-Policy"))
	assert.Contains(t, answer.Body.String(), "<p>&lt;pro&gt; 5 </p>")
	assert.Contains(t, answer.Body.String(), `<a href="#">`)
	assert.NotContains(t, answer.Body.String(), "acme.example")
	answer = s.get("/templates/team%2Fhello/preview?v.PLAN=pro&images=1")
	assert.Contains(t, answer.Header().Get("Content-Security-Policy"), "img-src https: data:; sandbox")
	assert.Contains(t, s.get("/templates/team%2Fhello?images=1").Body.String(), "preview?images=1")
}

func TestTemplatePreview_IsForASampleContact(t *testing.T) {
	t.Parallel()
	s, calls := newCountedSite(t, dashboard.Options{Templates: newLibrary(t), Redact: hiding(".phone")})
	s.addOdd()
	calls.take()
	page := s.get("/templates/team%2Fhello?contact=ada%40example.com").Body.String()
	assert.Equal(t, []string{"FindContact"}, calls.take())
	assert.Contains(t, page, "Hello &lt;b&gt;Ada&lt;/b&gt;")
	assert.Contains(t, s.get("/templates/team%2Fhello/preview?contact=ada%40example.com").Body.String(), "•••")
	assert.Contains(t, s.get("/templates/team%2Fhello?contact=none").Body.String(), "no contact has this email or id")
}

func TestTemplatePreview_ShowsProblemsBesideTheVariables(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{Templates: newLibrary(t)})
	page := s.get("/templates/team%2Fhello?v.PLAN=&v.SEATS=many").Body.String()
	assert.Contains(t, page, "has no value and no fallback")
	assert.Contains(t, page, `name="v.SEATS" value="many"`)
	assert.NotContains(t, page, "<iframe")
	assert.Equal(t, http.StatusUnprocessableEntity, s.get("/templates/team%2Fhello/preview?v.PLAN=").Code)
}

func TestRunEmail_ShowsWhatAStepSent(t *testing.T) {
	t.Parallel()
	s, calls := newCountedSite(t, dashboard.Options{Templates: newLibrary(t)})
	s.addOdd()
	flow := world.Flow("welcome", "signup", world.Email("hello"), world.Pause("rest", "1 day"))
	flow.Steps[1].Config = automation.SendEmail{
		Subject: "For {{PLAN}}", Template: automation.TemplateRef{ID: "team/hello", Variables: map[string]automation.Value{"PLAN": automation.ValueOf("gold")}},
	}
	s.Create(flow)
	s.Send(automation.Event{Name: "signup", ContactID: odd.ID})
	s.Drain()
	calls.take()
	path := "/emails/" + s.RunOf(odd.ID).ID + "/hello"
	calls.take()
	page := s.get(path).Body.String()
	assert.LessOrEqual(t, len(calls.take()), 4)
	assert.Contains(t, page, "For gold")
	assert.Contains(t, page, `sandbox src="../../emails/`+s.RunOf(odd.ID).ID+`/hello/html"`)
	assert.Contains(t, s.get("/a/welcome/runs/"+s.RunOf(odd.ID).ID+"?step=hello").Body.String(), `/hello/html"></iframe>`)
	answer := s.get(path + "/html")
	assert.Equal(t, http.StatusOK, answer.Code)
	assert.Contains(t, answer.Body.String(), "<p>gold 3 555-0100</p>")
	assert.Contains(t, answer.Header().Get("Content-Security-Policy"), "sandbox")
	assert.Equal(t, http.StatusNotFound, s.get("/emails/"+s.RunOf(odd.ID).ID+"/rest").Code)
	assert.Equal(t, http.StatusNotFound, s.get("/emails/"+s.RunOf(odd.ID).ID+"/rest/html").Code)
	assert.Equal(t, http.StatusNotFound, s.get("/emails/none/hello").Code)
}
