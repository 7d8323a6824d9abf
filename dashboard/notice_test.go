package dashboard_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/dashboard"
)

// follow sends a form, and returns the page that a browser shows after it.
func (s *site) follow(t *testing.T, path string, pairs ...string) string {
	t.Helper()
	answer := s.post(path, pairs...)
	require.Equal(t, http.StatusSeeOther, answer.Code, answer.Body)
	from, err := url.Parse(path)
	require.NoError(t, err)
	to, err := from.Parse(answer.Header().Get("Location"))
	require.NoError(t, err)
	page := s.get(to.String())
	require.Equal(t, http.StatusOK, page.Code, to)
	return page.Body.String()
}

func TestNotice_ConfirmsWhatAFormDid(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Mailer.Respond = bounce
	s.Create(welcome("a/b"))
	s.signUp("bounce@example.com")
	run := "/a/a%2Fb/runs/" + s.Run().ID
	draft := `{"name": "New", "steps": [{"key": "start", "type": "trigger", "config": {"event_name": "signup"}}], "connections": []}`
	for _, step := range []struct {
		path   string
		form   []string
		notice string
	}{
		{"/new", []string{"document", draft}, "The automation is saved. Events start runs of it once you start it."},
		{"/a/a%2Fb/save", []string{"document", draft, "revision", "1"}, "The automation is saved. New runs follow it"},
		{"/events/send", []string{"name", "signup", "contact", "ada@example.com", "key", "k"}, "The event is sent."},
		{"/events/send", []string{"name", "signup", "contact", "ada@example.com", "key", "k"}, "Nothing was sent again."},
		{run + "/retry", nil, "The run was retried from the step that failed."},
		{run + "/cancel", nil, "The run is cancelled."},
		{"/a/a%2Fb/stop", []string{"revision", "2", "cancel", "1"}, "its runs in progress are cancelled."},
		{"/a/a%2Fb/start", []string{"revision", "3"}, "The automation is started."},
		{"/a/a%2Fb/duplicate", nil, "This is the copy."},
		{"/a/a%2Fb/delete", []string{"revision", "4"}, "The automation is deleted."},
	} {
		page := s.follow(t, step.path, step.form...)
		assert.Contains(t, page, `<p class="notice" role="status">`, step.path)
		assert.Contains(t, page, step.notice, step.path)
	}
}

func TestNotice_IsNotMadeByALink(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Create(welcome("welcome"))
	body := s.get("/a/welcome?done=Your+account+is+closed").Body.String()
	assert.NotContains(t, body, "Your account is closed")
	assert.NotContains(t, body, `class="notice"`)
}
