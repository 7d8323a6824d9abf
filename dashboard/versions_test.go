package dashboard_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
)

// changed changes the trial: version 2 has another timeout, and a step "bye" in place of
// "thanks".
func changed(s *site) {
	s.T.Helper()
	a := trial("trial")
	a.Steps[1] = world.WaitUpTo("decides", "paid", "5 days")
	a.Steps[2] = world.Email("bye")
	a.Connections[1].To = "bye"
	ctx := automation.WithActor(s.Ctx, "<b>ada</b>")
	_, err := s.UpdateAutomation(ctx, "trial", automation.AutomationUpdate{
		Steps: a.Steps, Connections: a.Connections, Retry: &automation.RetryPolicy{MaxAttempts: 7},
	})
	require.NoError(s.T, err)
}

func TestVersions_AreListedWithTheirAuthors(t *testing.T) {
	t.Parallel()
	s, calls := newCountedSite(t, dashboard.Options{})
	s.Create(trial("trial"))
	s.Send(world.Signups(3)...)
	s.Drain()
	changed(s)
	calls.take()
	body := s.get("/a/trial/versions").Body.String()
	assert.LessOrEqual(t, len(calls.take()), 4)
	assert.Equal(t, []string{
		"Version 2 ● current 2 Mar 09:00:00 UTC &lt;b&gt;ada&lt;/b&gt; 0 What changed",
		"Version 1 2 Mar 09:00:00 UTC unknown 3 Restore in the editor",
	}, rows(body))
	assert.Contains(t, body, `href="../../a/trial/versions/2?with=1"`)
	assert.Contains(t, body, `href="../../a/trial/edit?version=1"`)
	assert.Contains(t, body, `href="../../runs?automation=trial&amp;version=1"`)
	assert.Equal(t, http.StatusNotFound, s.get("/a/none/versions").Code)
	assert.Equal(t, http.StatusNotFound, s.get("/a/trial/versions?after=x").Code)
}

func TestVersion_ShowsItsGraph(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{Access: func(*http.Request) dashboard.Access { return dashboard.AccessView }})
	s.Create(trial("trial"))
	changed(s)
	body := s.get("/a/trial/versions/1").Body.String()
	assert.Contains(t, body, "paid, up to 3 days")
	assert.Contains(t, body, "<b><bdi>thanks</bdi></b>")
	assert.NotContains(t, body, "Restore in the editor", "for people who may not edit")
	for _, path := range []string{"3", "0", "-1", "x", "99999999999", "1?with=9"} {
		answer := s.get("/a/trial/versions/" + path)
		assert.Equal(t, http.StatusNotFound, answer.Code, path)
		assert.Contains(t, answer.Body.String(), "There is no such version", path)
	}
	assert.Equal(t, http.StatusBadRequest, s.get("/a/trial/versions/1?with=x").Code)
}

func TestVersion_IsComparedByStepKeys(t *testing.T) {
	t.Parallel()
	s, calls := newCountedSite(t, dashboard.Options{})
	s.Create(trial("trial"))
	changed(s)
	for _, path := range []string{"/a/trial/versions/2?with=1", "/a/trial/versions/1?with=2"} {
		calls.take()
		body := s.get(path).Body.String()
		assert.LessOrEqual(t, len(calls.take()), 4, path)
		assert.Contains(t, body, "From version 1 to version 2", path)
		assert.Contains(t, body, `<span class="badge changed"><span aria-hidden="true">~</span> changed</span> <b><bdi>decides</bdi></b>`, path)
		assert.Contains(t, body, `<mark>    &#34;timeout&#34;: &#34;3 days&#34;</mark>`, path)
		assert.Contains(t, body, `<mark>    &#34;timeout&#34;: &#34;5 days&#34;</mark>`, path)
		assert.NotContains(t, body, `<mark>    &#34;event_name&#34;`, "a line of both")
		assert.Contains(t, body, `<span class="badge added"><span aria-hidden="true">&#43;</span> added</span> <b><bdi>bye</bdi></b>`, path)
		assert.Contains(t, body, `<span class="badge removed"><span aria-hidden="true">−</span> removed</span> <b><bdi>thanks</bdi></b>`, path)
		assert.Contains(t, body, `<span class="badge added"><span aria-hidden="true">&#43;</span> added</span> <bdi>decides</bdi> <span class="branch"><bdi>received</bdi></span> → <bdi>bye</bdi>`, path)
		assert.Contains(t, body, "Retry policy", path)
	}
	same := s.get("/a/trial/versions/1?with=1").Body.String()
	assert.Contains(t, same, "Both versions do the same.")
}

func TestVersions_HaveTheActorAsAuthor(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{Actor: func(*http.Request) string { return "grace@example.com" }})
	require.Equal(t, http.StatusSeeOther, s.post("/examples", "example", "Welcome").Code)
	found, err := s.ListAutomations(s.Ctx, automation.AutomationQuery{})
	require.NoError(t, err)
	assert.Contains(t, s.get("/a/"+found.Data[0].ID+"/versions").Body.String(), "grace@example.com")
}

func TestVersion_IsRestoredInTheEditor(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Create(trial("trial"))
	changed(s)
	body := s.get("/a/trial/edit?version=1").Body.String()
	assert.Contains(t, body, "3 days")
	assert.Contains(t, body, `name="revision" value="2"`)
	assert.Equal(t, http.StatusNotFound, s.get("/a/trial/edit?version=9").Code)
	assert.Equal(t, http.StatusBadRequest, s.get("/a/trial/edit?version=x").Code)
}
