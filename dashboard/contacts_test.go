package dashboard_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
)

// odd is a contact that a careless link or page would break on.
var odd = automation.Contact{
	ID: `c/1?"<script>`, Email: "ada@example.com", FirstName: "<b>Ada</b>", LastName: "عادة", Segments: []string{"vip", "nameless"},
	Properties: map[string]any{"plan": "pro", "phone": "555-0100"},
}

// oddPath is the path of odd's page.
var oddPath = "/contacts/" + url.PathEscape(odd.ID)

// addOdd adds odd, and what is defined about it.
func (s *site) addOdd() {
	s.AddContact(odd)
	_, err := s.CreateSegment(s.Ctx, automation.Segment{ID: "vip", Name: "Very important"})
	require.NoError(s.T, err)
	for _, p := range []automation.ContactProperty{{Key: "plan", Type: automation.PropertyString, Fallback: "free"}, {Key: "age", Type: automation.PropertyNumber}} {
		_, err := s.CreateContactProperty(s.Ctx, p)
		require.NoError(s.T, err)
	}
}

func TestContacts_ListsThemByPrefixAndSegment(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.addOdd()
	s.AddContact(automation.Contact{ID: "b", Email: "bob@example.com", Unsubscribed: true})
	all := s.get("/contacts").Body.String()
	assert.Contains(t, all, "ada@example.com")
	assert.Contains(t, all, "&lt;b&gt;Ada&lt;/b&gt; عادة")
	assert.Contains(t, all, `href="./contacts/c%2F1%3F%22%3Cscript%3E"`)
	assert.Contains(t, all, "unsubscribed")

	found := s.get("/contacts?email=BO").Body.String()
	assert.Contains(t, found, "bob@example.com")
	assert.NotContains(t, found, "ada@example.com")
	found = s.get("/contacts?segment=vip").Body.String()
	assert.Contains(t, found, "ada@example.com")
	assert.NotContains(t, found, "bob@example.com")
	assert.Contains(t, s.get("/contacts?segment=%3Cgone%3E").Body.String(), "No contact fits these filters")
	assert.Equal(t, http.StatusNotFound, s.get("/contacts?after=nothing").Code)
}

func TestContacts_OfTheHostAreFoundButNotListed(t *testing.T) {
	t.Parallel()
	w := world.NewWithUsers(t, world.NewUsers(world.Ada), automation.Options{})
	s := newSiteOf(t, w, dashboard.Options{})
	body := s.get("/contacts").Body.String()
	assert.Contains(t, body, "in your application's own table")
	assert.NotContains(t, body, world.Ada.Email)
	for _, ref := range []string{world.Ada.Email, world.Ada.ID} {
		answer := s.get("/contacts?email=" + url.QueryEscape(ref))
		assert.Equal(t, http.StatusSeeOther, answer.Code)
		assert.Equal(t, "./contacts/u-ada", answer.Header().Get("Location"))
	}
	assert.Contains(t, s.get("/contacts?email=nobody@example.com").Body.String(), "No contact has this email or id")
}

func TestContact_ShowsWhatIsKnown(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{
		ContactURL: func(c automation.Contact) string { return "https://acme.example/u?id=" + url.QueryEscape(c.ID) },
		Redact:     hiding("contact.properties.phone"),
	})
	s.addOdd()
	flow := s.Create(world.Flow("welcome", "signup", world.Email("hello"), world.Pause("rest", "1 day")))
	s.Send(automation.Event{Name: "signup", ContactID: odd.ID}, automation.Event{Name: "other", Email: odd.Email})
	s.Drain()

	runs := s.get(oddPath).Body.String()
	assert.Contains(t, runs, "Very important")
	assert.Contains(t, runs, "nameless")
	assert.Contains(t, runs, `href="../a/`+flow.ID+`/runs/`+s.Run().ID+`"`)
	assert.Contains(t, runs, "welcome")
	assert.Contains(t, runs, "https://acme.example/u?id=c%2F1%3F%22%3Cscript%3E")
	assert.NotContains(t, runs, "<script>", "scripts of the layout have a type")

	events := s.get(oddPath + "?show=events").Body.String()
	assert.Contains(t, events, "No automation starts with this event")
	assert.Contains(t, events, "signup")

	properties := s.get(oddPath + "?show=properties").Body.String()
	assert.Contains(t, properties, "•••")
	assert.NotContains(t, properties, "555-0100")
	assert.Contains(t, properties, "free")
	assert.Contains(t, properties, "age")
}

func TestContact_RefusesWhatDoesNotExist(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{ContactURL: func(automation.Contact) string { panic("no users today") }})
	s.addOdd()
	assert.Equal(t, http.StatusNotFound, s.get("/contacts/none").Code)
	assert.Equal(t, http.StatusBadRequest, s.get(oddPath+"?show=secrets").Code)
	assert.Equal(t, http.StatusOK, s.get(oddPath).Code, "a panic of ContactURL hides the link only")
}

func TestContactPages_MakeFourCallsAtMost(t *testing.T) {
	t.Parallel()
	s, calls := newCountedSite(t, dashboard.Options{})
	s.addOdd()
	s.Create(world.Flow("welcome", "signup", world.Email("hello")))
	for range 3 {
		s.Send(automation.Event{Name: "signup", ContactID: odd.ID})
	}
	s.Drain()
	for _, path := range []string{"/contacts", oddPath, oddPath + "?show=events", oddPath + "?show=properties", oddPath + "/erase"} {
		calls.take()
		assert.Equal(t, http.StatusOK, s.get(path).Code, path)
		made := calls.take()
		assert.LessOrEqual(t, len(made), 4, "%s: %v", path, made)
	}
}

func TestErase_NeedsTheTypedEmail(t *testing.T) {
	t.Parallel()
	var audit []dashboard.AuditEntry
	s := newSite(t, dashboard.Options{Audit: func(e dashboard.AuditEntry) { audit = append(audit, e) }})
	s.addOdd()
	s.Create(world.Flow("welcome", "signup", world.Pause("rest", "1 day")))
	s.Send(automation.Event{Name: "signup", ContactID: odd.ID, Payload: []byte(`{"secret":"x"}`)})
	s.Drain()

	question := s.get(oddPath + "/erase").Body.String()
	assert.Contains(t, question, "1 event)")
	assert.Contains(t, question, "1 run)")

	answer := s.post(oddPath+"/erase", "confirm", "<bob>@example.com")
	assert.Equal(t, http.StatusUnprocessableEntity, answer.Code)
	assert.Contains(t, answer.Body.String(), "Nothing was erased")
	assert.Equal(t, odd.Email, s.Contact(odd.Email).Email)

	answer = s.post(oddPath+"/erase", "confirm", " ADA@example.com ")
	assert.Equal(t, http.StatusSeeOther, answer.Code)
	assert.Equal(t, "../../contacts?done=contact-erased", answer.Header().Get("Location"))
	_, err := s.GetContact(s.Ctx, automation.ContactRef{ID: odd.ID})
	require.ErrorIs(t, err, automation.ErrNotFound)
	assert.Equal(t, automation.RunCancelled, s.Run().Status)
	require.Len(t, audit, 2)
	require.Error(t, audit[0].Err)
	assert.Equal(t, "erase contact", audit[1].Action)
	assert.Equal(t, odd.ID, audit[1].Target)
	require.NoError(t, audit[1].Err)
	assert.Contains(t, s.get("/contacts?done=contact-erased").Body.String(), "The contact is erased")
	assert.Equal(t, http.StatusNotFound, s.post(oddPath+"/erase", "confirm", odd.Email).Code, "a second click finds no contact")
}

func TestErase_ExplainsThatARunnerWorksOnTheContact(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.addOdd()
	_, err := s.Memory.Claim(s.Ctx, automation.ClaimParams{Now: s.Clock.Now(), Lease: time.Minute, Limit: 1, Contact: automation.ContactRef{ID: odd.ID}})
	require.NoError(t, err)
	answer := s.post(oddPath+"/erase", "confirm", odd.Email)
	assert.Equal(t, http.StatusConflict, answer.Code)
	assert.Contains(t, answer.Body.String(), "A Runner works on this contact")
	assert.Contains(t, answer.Body.String(), `value="ada@example.com"`)
}

func TestErase_NeedsAccessEdit(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{Access: func(*http.Request) dashboard.Access { return dashboard.AccessOperate }})
	s.addOdd()
	assert.NotContains(t, s.get(oddPath).Body.String(), "/erase")
	assert.Equal(t, http.StatusForbidden, s.get(oddPath+"/erase").Code)
	assert.Equal(t, http.StatusForbidden, s.post(oddPath+"/erase", "confirm", odd.Email).Code)
}

func TestContact_ShowsTheRestIfAPartFails(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.addOdd()
	s.Store.BeforeListRuns = func(context.Context) error { return errors.New("disk full") }
	answer := s.get(oddPath)
	assert.Equal(t, http.StatusOK, answer.Code)
	assert.Contains(t, answer.Body.String(), "This part cannot be shown")
	assert.Contains(t, answer.Body.String(), "Very important")
	assert.NotContains(t, answer.Body.String(), "disk full")
}
