package unsubscribe_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/automationtest"
	"github.com/seed-b636437c/automation/unsubscribe"
)

// letters sends an email at every visit of the contact.
func letters() automation.Automation {
	letter := func(key string) automation.Step {
		return automation.Step{Key: key, Config: automation.SendEmail{Template: automation.TemplateRef{ID: key}}}
	}
	visit := func(key string) automation.Step {
		return automation.Step{Key: key, Config: automation.WaitForEvent{EventName: "visit"}}
	}
	a := automation.Automation{Name: "Letters", Steps: []automation.Step{
		{Key: "start", Config: automation.Trigger{EventName: "signup"}},
		letter("first"), visit("wait_1"), letter("second"), visit("wait_2"), letter("third"),
	}}
	for i, s := range a.Steps[1:] {
		a.Connections = append(a.Connections, automation.Connection{From: a.Steps[i].Key, To: s.Key})
	}
	return a
}

// The page works on a Runner directly, and a click affects runs in progress.
func TestPage_StopsAndResumesTheEmailsOfARun(t *testing.T) {
	t.Parallel()
	h := automationtest.New(t, automationtest.Options{}, letters())
	links := newLinks(t, unsubscribe.LinkOptions{}, key(1))
	page, err := unsubscribe.NewHandler(links, h.Runner, unsubscribe.Options{})
	require.NoError(t, err)
	h.Send("signup", "ada@example.com", nil)
	link, err := links.URL(h.Mailer.Emails()[0].Contact) // the contact that a template gets
	require.NoError(t, err)
	post := func(body string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, link, strings.NewReader(body))
		r.Header.Set("Content-Type", urlencoded)
		w := httptest.NewRecorder()
		page.ServeHTTP(w, r)
		assert.Equal(t, http.StatusOK, w.Code)
	}

	post("List-Unsubscribe=One-Click")
	h.Send("visit", "ada@example.com", nil)
	step := h.Run("ada@example.com", "Letters").Step("second")
	assert.Equal(t, automation.StepSkipped, step.Status)

	post("action=resubscribe")
	h.Send("visit", "ada@example.com", nil)
	h.AssertEmails("ada@example.com", "first", "third")
}
