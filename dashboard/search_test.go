package dashboard_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestSearch_LeadsToTheOnlyThingThatFits(t *testing.T) {
	t.Parallel()
	s, calls := newCountedSite(t, dashboard.Options{})
	s.addOdd()
	flow := s.Create(world.Flow("Welcome series", "signup", world.Email("hello")))
	event := s.Send(automation.Event{Name: "signup", ContactID: odd.ID})[0].ID
	s.Drain()
	known := s.AddContact(automation.Contact{Email: "bob@example.com"})
	run := s.RunOf(odd.ID)
	for q, want := range map[string]string{
		"ada@":              "./contacts/c%2F1%3F%22%3Cscript%3E",
		" ADA@example.com ": "./contacts/c%2F1%3F%22%3Cscript%3E",
		odd.ID:              "./contacts/c%2F1%3F%22%3Cscript%3E",
		known.ID:            "./contacts/" + known.ID,
		event:               "./events/log/" + event,
		run.ID:              "./a/" + url.PathEscape(flow.ID) + "/runs/" + run.ID,
		flow.ID:             "./a/" + url.PathEscape(flow.ID),
		"come ser":          "./a/" + url.PathEscape(flow.ID),
	} {
		calls.take()
		answer := s.get("/search?q=" + url.QueryEscape(q))
		assert.Equal(t, http.StatusSeeOther, answer.Code, q)
		assert.Equal(t, want, answer.Header().Get("Location"), q)
		made := calls.take()
		assert.LessOrEqual(t, len(made), 4, "%s: %v", q, made)
	}
}

func TestSearch_ListsWhatFits(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.AddContacts(30)
	s.AddContact(automation.Contact{ID: "w", Email: "welcome@example.com"})
	s.Create(world.Flow("<Welcome>", "signup", world.Email("hello")))
	body := s.get("/search?q=welcome").Body.String()
	assert.Contains(t, body, "welcome@example.com")
	assert.Contains(t, body, "&lt;Welcome&gt;")
	assert.Contains(t, body, `name="q" value="welcome"`)
	body = s.get("/search?q=2").Body.String()
	assert.Contains(t, body, "29@example.com")
	assert.NotContains(t, body, "30@example.com")
	assert.Contains(t, s.get("/search?q=%3Cscript%3E").Body.String(), "Nothing fits “<bdi>&lt;script&gt;</bdi>”")
	assert.Contains(t, s.get("/search").Body.String(), "Search for the beginning of an email")
	assert.Equal(t, http.StatusBadRequest, s.get("/search?q=%00%ff").Code)
	assert.Contains(t, s.get("/contacts").Body.String(), `action="./search"`)
}

func TestSearch_FindsAContactOfTheHostByItsEmail(t *testing.T) {
	t.Parallel()
	s := newSiteOf(t, world.NewWithUsers(t, world.NewUsers(world.Ada), automation.Options{}), dashboard.Options{})
	assert.Equal(t, "./contacts/u-ada", s.get("/search?q=ada@example.com").Header().Get("Location"))
}

func TestSearch_ReportsWhatCouldNotBeSearched(t *testing.T) {
	t.Parallel()
	users := world.NewUsers(world.Ada)
	users.Fail = func(string) error { return world.ErrOutage }
	s := newSiteOf(t, world.NewWithUsers(t, users, automation.Options{}), dashboard.Options{})
	s.Create(world.Flow("ada", "signup", world.Email("hello")))
	body := s.get("/search?q=ada").Body.String()
	assert.Contains(t, body, "This part cannot be shown")
	assert.Contains(t, body, ">ada<")
}
