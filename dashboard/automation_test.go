package dashboard_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
)

// trial is a flow with a wait that branches.
func trial(id string) automation.Automation {
	a := world.Flow(id, "signup", world.WaitUpTo("decides", "paid", "3 days"), world.Email("thanks"), world.Email("nudge"))
	a.Connections = []automation.Connection{
		{From: "start", To: "decides"},
		{From: "decides", To: "thanks", Type: automation.ConnectionEventReceived},
		{From: "decides", To: "nudge", Type: automation.ConnectionTimeout},
	}
	return a
}

// populate starts four runs: one waits, one was paid, one timed out, one failed.
func populate(s *site) {
	s.Mailer.Respond = func(_ context.Context, e automation.Email) error {
		if e.To == "fails@example.com" {
			return automation.Permanent(errors.New("550 5.1.1 mailbox unavailable"))
		}
		return nil
	}
	for _, name := range []string{"pays", "late", "fails"} {
		s.Send(world.Signup(name + "@example.com"))
	}
	s.Drain()
	s.Send(automation.Event{Name: "paid", Email: "pays@example.com"})
	s.Pass(3 * 24 * time.Hour)
	s.Send(world.Signup("waits@example.com"))
	s.Drain()
}

func TestAutomation_ShowsCountsStepsAndRecentRuns(t *testing.T) {
	t.Parallel()
	s, calls := newCountedSite(t, dashboard.Options{})
	s.Create(trial("trial"))
	populate(s)
	calls.take()
	body := s.get("/a/trial").Body.String()
	assert.LessOrEqual(t, len(calls.take()), 4)
	assert.Contains(t, body, `<a class="tile" href="../runs?automation=trial"><span>Runs</span> <b>4</b>`)
	assert.Contains(t, body, `<a class="tile failed" href="../runs?automation=trial&amp;status=failed"><span>Failed</span> <b>1</b>`)
	assert.Contains(t, body, `href="../runs?automation=trial&amp;status=running&amp;step=decides"><span aria-hidden="true">●</span> 1 here</a>`)
	assert.Contains(t, body, `href="../runs?automation=trial&amp;status=failed&amp;step=nudge">`)
	assert.Contains(t, body, "paid, up to 3 days")
	assert.Contains(t, body, `class="automation-diagram"`)
	assert.Contains(t, body, `href="../runs?automation=trial&amp;step=decides"><title>decides, wait for event: paid, up to 3 days, 1 here</title>`)
	assert.Contains(t, body, `href="../events/send?name=signup"`)
	assert.Contains(t, body, "../a/trial/runs/"+s.Runs()[0].ID)
	assert.Contains(t, body, ">waits@example.com<", "the contact of a recent run")
}

func TestAutomation_ShowsTheRunsOfOneVersion(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Create(trial("trial"))
	populate(s)
	graph := world.Flow("", "signup", world.Pause("rest", "1 day"))
	_, err := s.UpdateAutomation(s.Ctx, "trial", automation.AutomationUpdate{Steps: graph.Steps, Connections: graph.Connections})
	require.NoError(t, err)
	body := s.get("/a/trial?version=2").Body.String()
	assert.Contains(t, body, `<span>Runs</span> <b>0</b>`)
	assert.Contains(t, body, "No run of version 2 yet.")
	assert.NotContains(t, body, "nudge")
	body = s.get("/a/trial").Body.String()
	assert.Contains(t, body, "not in this version", "a step of version 1 with runs")
	for _, bad := range []string{"0", "-1", "x", "99999999999"} {
		assert.Equal(t, http.StatusBadRequest, s.get("/a/trial?version="+bad).Code, bad)
		assert.Equal(t, http.StatusBadRequest, s.get("/a/trial/funnel?version="+bad).Code, bad)
	}
}

func TestAutomation_HasLinksForAnyID(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	id := `a/b "<script>" שלום?#%2F`
	s.Create(trial(id))
	path := "/a/" + url.PathEscape(id)
	answer := s.get(path)
	require.Equal(t, http.StatusOK, answer.Code)
	assert.NotContains(t, answer.Body.String(), "<script>\"")
	for _, page := range []string{path + "/funnel", path + "/stop", path + "/delete"} {
		assert.Equal(t, http.StatusOK, s.get(page).Code, page)
	}
	stopped := s.post(path+"/stop", "revision", "1")
	assert.Equal(t, http.StatusSeeOther, stopped.Code)
	assert.Equal(t, "../../a/"+url.PathEscape(id), stopped.Header().Get("Location"))
}

func TestAutomation_UnknownIsNotFound(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	for _, path := range []string{"/a/none", "/a/none/funnel", "/a/none/stop", "/a/none/delete"} {
		answer := s.get(path)
		assert.Equal(t, http.StatusNotFound, answer.Code, path)
		assert.Contains(t, answer.Body.String(), "There is no such automation", path)
	}
	for _, path := range []string{"/a/none/start", "/a/none/stop", "/a/none/duplicate", "/a/none/delete"} {
		assert.Equal(t, http.StatusNotFound, s.post(path, "revision", "1").Code, path)
	}
}

func TestAutomation_HasAChoiceOfVersionsOnceThereAreSeveral(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Create(trial("trial"))
	s.Send(world.Signup("ada@example.com"))
	s.Drain()
	assert.NotContains(t, s.get("/a/trial").Body.String(), `name="version"`)
	assert.Contains(t, s.get("/a/trial?version=1").Body.String(), `name="version"`, "a filter that is set is shown")
	document := `{"name": "trial", "steps": [{"key": "start", "type": "trigger", "config": {"event_name": "other"}}], "connections": []}`
	require.Equal(t, http.StatusSeeOther, s.post("/a/trial/save", "document", document, "revision", "1").Code)
	assert.Contains(t, s.get("/a/trial").Body.String(), `name="version"`)
}

func TestAutomation_StopsAndStarts(t *testing.T) {
	t.Parallel()
	var audited []string
	s := newSite(t, dashboard.Options{
		Actor: func(*http.Request) string { return "ada" },
		Audit: func(e dashboard.AuditEntry) {
			audited = append(audited, e.Actor+" "+e.Action+" "+e.Target+" "+strconv.FormatBool(e.Err == nil))
		},
	})
	s.Create(trial("trial"))
	s.Send(world.Signups(2)...)
	s.Drain()
	assert.Contains(t, s.get("/a/trial/stop").Body.String(), "<b>2</b> runs are in progress")

	assert.Equal(t, http.StatusSeeOther, s.post("/a/trial/stop", "revision", "1").Code)
	assert.Len(t, running(s), 2)
	body := s.get("/a/trial").Body.String()
	assert.Contains(t, body, "Runs in progress go on")
	assert.Contains(t, body, `name="revision" value="2"`)
	assert.Equal(t, http.StatusSeeOther, s.post("/a/trial/start", "revision", "2").Code)
	assert.Equal(t, http.StatusSeeOther, s.post("/a/trial/stop", "revision", "3", "cancel", "1").Code)
	s.Drain()
	assert.Empty(t, running(s))
	assert.Equal(t, http.StatusConflict, s.post("/a/trial/start", "revision", "3").Code)
	assert.Equal(t, []string{
		"ada stop automation trial true", "ada start automation trial true", "ada stop automation trial true",
		"ada cancel runs of automation trial true", "ada start automation trial false",
	}, audited)
}

func running(s *site) []automation.Run {
	return slices.DeleteFunc(s.Runs(), func(r automation.Run) bool { return r.Status != automation.RunRunning })
}

func TestAutomation_AStalePageChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Create(trial("trial"))
	name := "renamed"
	_, err := s.UpdateAutomation(s.Ctx, "trial", automation.AutomationUpdate{Name: &name})
	require.NoError(t, err)
	for _, action := range []string{"start", "stop", "delete"} {
		answer := s.post("/a/trial/"+action, "revision", "1", "cancel", "1")
		assert.Equal(t, http.StatusConflict, answer.Code, action)
		assert.Contains(t, answer.Body.String(), "This changed in the meantime", action)
		assert.Equal(t, http.StatusBadRequest, s.post("/a/trial/"+action).Code, "without a revision")
		assert.Equal(t, http.StatusBadRequest, s.post("/a/trial/"+action, "revision", "0").Code)
	}
	assert.Equal(t, http.StatusRequestEntityTooLarge, s.post("/a/trial/stop", "revision", strings.Repeat("1", 10<<20)).Code)
	a, err := s.GetAutomation(s.Ctx, "trial")
	require.NoError(t, err)
	assert.Equal(t, automation.StatusEnabled, a.Status)
	assert.Equal(t, 2, a.Revision)
}

func TestAutomation_IsDuplicatedAndDeleted(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Create(trial("trial"))
	s.Send(world.Signup("ada@example.com"))
	s.Drain()
	copied := s.post("/a/trial/duplicate")
	require.Equal(t, http.StatusSeeOther, copied.Code)
	id := strings.TrimPrefix(copied.Header().Get("Location"), "../../a/")
	assert.Contains(t, s.get("/a/"+id).Body.String(), "trial (Copy)")

	assert.Contains(t, s.get("/a/trial/delete").Body.String(), "<b>1</b> run in progress is cancelled.")
	deleted := s.post("/a/trial/delete", "revision", "1")
	assert.Equal(t, http.StatusSeeOther, deleted.Code)
	assert.Equal(t, "../../?done=automation-deleted", deleted.Header().Get("Location"))
	assert.Equal(t, http.StatusNotFound, s.get("/a/trial").Code)
}

func TestAutomation_OffersOnlyWhatALevelMayDo(t *testing.T) {
	t.Parallel()
	level := dashboard.AccessView
	s := newSite(t, dashboard.Options{Access: func(*http.Request) dashboard.Access { return level }})
	s.Create(trial("trial"))
	offered := func() (offers []string) {
		body := s.get("/a/trial").Body.String()
		for _, action := range []string{"/edit", "events/send", "/duplicate", "/stop", "/delete"} {
			if strings.Contains(body, action) {
				offers = append(offers, action)
			}
		}
		return offers
	}
	assert.Empty(t, offered())
	assert.Equal(t, http.StatusForbidden, s.post("/a/trial/stop", "revision", "1").Code)
	level = dashboard.AccessOperate
	assert.Equal(t, []string{"events/send", "/stop"}, offered())
	assert.Equal(t, http.StatusForbidden, s.post("/a/trial/delete", "revision", "1").Code)
	level = dashboard.AccessEdit
	assert.Len(t, offered(), 5)
}
