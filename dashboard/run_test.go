package dashboard_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestRun_ShowsWhyItFailedFirst(t *testing.T) {
	t.Parallel()
	s, store := newCountedSite(t, dashboard.Options{})
	s.Mailer.Respond = bounce
	s.Create(welcome("a/b"))
	s.signUp("bounce@example.com")
	run := s.Run()
	store.take()
	answer := s.get("/a/a%2Fb/runs/" + run.ID)
	require.Equal(t, http.StatusOK, answer.Code)
	assert.Equal(t, []string{"FindRun", "FindContacts", "FindAutomationVersion", "FindEvent"}, store.take())
	body := answer.Body.String()
	alert := body[strings.Index(body, `class="alert trouble`):]
	assert.Contains(t, alert[:400], "Failed at")
	assert.Contains(t, alert[:400], "?step=hello")
	assert.Contains(t, alert[:400], "permanent_error")
	assert.Contains(t, alert[:500], "550 5.1.1 &lt;script&gt;")
	assert.Contains(t, body, "bounce@example.com")
	assert.Contains(t, body, `action="../../../a/a%2Fb/runs/`+run.ID+`/retry"`, "paths are relative to the page")
	assert.Contains(t, body, "events/send?event="+run.EventID)
	assert.NotContains(t, body, "/cancel")
	assert.NotContains(t, body, "<script>alert")
}

func TestRun_ShowsAChosenStep(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	a := welcome("a")
	a.Steps[1].Config = automation.SendEmail{Subject: "Hi", From: "Acme <hi@acme.example>", Template: automation.TemplateRef{
		ID: "hello", Variables: map[string]automation.Value{"plan": automation.Var("event.plan")},
	}}
	s.Create(a)
	s.Send(world.ForAda("signup", map[string]any{"plan": "<pro>"}))
	s.Drain()
	path := "/a/a/runs/" + s.Run().ID
	body := s.get(path + "?step=hello").Body.String()
	assert.Contains(t, body, "Acme &lt;hi@acme.example&gt;")
	assert.Contains(t, body, "&#34;plan&#34;: &#34;&lt;pro&gt;&#34;")
	assert.Contains(t, body, "at once")
	assert.Contains(t, s.get(path).Body.String(), "In progress for", "by default, the step at which the run is")
	assert.Contains(t, s.get(path+"?step=tips").Body.String(), "not reached")
	assert.Equal(t, http.StatusNotFound, s.get(path+"?step=none").Code)
	assert.Equal(t, http.StatusNotFound, s.get("/a/other/runs/"+s.Run().ID).Code, "a run of another automation")
	assert.Equal(t, http.StatusNotFound, s.get("/a/a/runs/none").Code)
}

func TestRun_HidesWhatTheHostRedacts(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{Redact: hiding(".card")})
	wait := world.Wait("paid", "order.paid")
	a := world.Flow("a", "signup", wait, world.Email("thanks"))
	a.Steps[2].Config = automation.SendEmail{Template: automation.TemplateRef{ID: "thanks", Variables: map[string]automation.Value{"card": automation.Var("event.card")}}}
	a.Connections[1].Type = automation.ConnectionEventReceived
	s.Create(a)
	s.Send(world.ForAda("signup", map[string]any{"card": "4111"}))
	s.Drain()
	s.Send(world.ForAda("order.paid", map[string]any{"card": "4111"}))
	s.Drain()
	for _, step := range []string{"start", "paid", "thanks"} {
		body := s.get("/a/a/runs/" + s.Run().ID + "?step=" + step).Body.String()
		assert.NotContains(t, body, "4111", step)
		assert.Contains(t, body, "•••", step)
	}
}

func TestRun_ShowsItsOwnVersion(t *testing.T) {
	t.Parallel()
	s, store := newCountedSite(t, dashboard.Options{})
	s.Create(welcome("a"))
	s.signUp("ada@example.com")
	next := world.Flow("a", "signup", world.Email("brand-new"))
	name := "Called <this> today"
	_, err := s.UpdateAutomation(s.Ctx, "a", automation.AutomationUpdate{Name: &name, Steps: next.Steps, Connections: next.Connections})
	require.NoError(t, err)
	path := "/a/a/runs/" + s.Run().ID
	store.take()
	body := s.get(path).Body.String()
	assert.Equal(t, []string{"FindRun", "FindContacts", "FindAutomationVersion", "FindEvent"}, store.take())
	assert.Contains(t, body, "<svg")
	assert.Contains(t, body, "Called &lt;this&gt; today")
	assert.Contains(t, body, "tips")
	assert.NotContains(t, body, "brand-new")
}

func TestRun_OutlivesItsAutomationContactAndEvent(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Create(welcome("a"))
	s.signUp("ada@example.com")
	run := s.Run()
	require.NoError(t, s.DeleteAutomation(s.Ctx, "a"))
	require.NoError(t, s.DeleteContact(s.Ctx, run.ContactID))
	s.Drain()
	answer := s.get("/a/a/runs/" + run.ID)
	assert.Equal(t, http.StatusOK, answer.Code)
	assert.Contains(t, answer.Body.String(), "Cancelled at")
}

func TestRun_ThatCannotBeDecodedNamesTheReason(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Create(welcome("a"))
	s.signUp("ada@example.com")
	run := s.Run()
	s.Rewrite(run.ID, func([]byte) []byte { return []byte("{") })
	answer := s.get("/a/a/runs/" + run.ID)
	assert.Equal(t, http.StatusOK, answer.Code)
	assert.Contains(t, answer.Body.String(), "damaged")
	assert.Contains(t, answer.Body.String(), "cannot read the steps")
}

func TestRun_ShowsHowManyAttemptsAreNotKept(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Mailer.Respond = func(context.Context, automation.Email) error { return errors.New("451 later") }
	s.Create(welcome("a"))
	s.signUp("ada@example.com")
	for range 20 {
		s.Pass(time.Hour)
	}
	body := s.get("/a/a/runs/" + s.Run().ID).Body.String()
	omitted := world.Step(t, s.Run(), "hello").AttemptsOmitted
	require.Positive(t, omitted)
	assert.Equal(t, 15, strings.Count(body, "</time></span> <code>effect_failed</code>"))
	assert.Contains(t, body, "more attempts are not kept")
}

// The page has a long error once: at its top.
func TestRun_ShowsItsErrorOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	respond := errors.New("451 later")
	s.Mailer.Respond = func(context.Context, automation.Email) error { return respond }
	s.Create(welcome("a"))
	s.signUp("ada@example.com")
	waiting := s.get("/a/a/runs/" + s.Run().ID).Body.String()
	assert.Equal(t, 1, strings.Count(waiting, "451 later"), "of the first attempt")
	s.Pass(time.Hour)
	respond = automation.Permanent(errors.New("550 5.1.1 mailbox unavailable"))
	s.Pass(24 * time.Hour)
	require.Equal(t, automation.RunFailed, s.Run().Status)
	body := s.get("/a/a/runs/" + s.Run().ID).Body.String()
	assert.Equal(t, 1, strings.Count(body, "550 5.1.1 mailbox unavailable"))
	assert.Equal(t, 1, strings.Count(body, "451 later"), "the reason of earlier attempts is another one")
	assert.Greater(t, strings.Index(body, "451 later"), strings.Index(body, "Failed attempts"))
	assert.Less(t, strings.Index(body, "550 5.1.1"), strings.Index(body, `id="step"`))
}

// In a rolling deploy to an engine, a request may come to a process that works on its catalog.
func TestRun_OfAnEngineIsCancelledByOtherProcesses(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Create(welcome("a"))
	s.signUp("ada@example.com")
	require.NoError(t, s.Store.Store.(automation.Catalog).Engage(t.Context(), "engine"))
	answer := s.post("/a/a/runs/" + s.Run().ID + "/cancel")
	assert.Equal(t, http.StatusServiceUnavailable, answer.Code)
	assert.Contains(t, answer.Body.String(), "Other processes do this now")
}

func TestRun_IsRetriedFromTheFailedStep(t *testing.T) {
	t.Parallel()
	var audit []dashboard.AuditEntry
	s := newSite(t, dashboard.Options{Audit: func(e dashboard.AuditEntry) { audit = append(audit, e) }})
	s.Mailer.Respond = bounce
	s.Create(welcome("a/b"))
	s.signUp("bounce@example.com")
	s.Mailer.Respond = nil
	path := "/a/a%2Fb/runs/" + s.Run().ID
	answer := s.post(path + "/retry")
	assert.Equal(t, http.StatusSeeOther, answer.Code)
	assert.Equal(t, "../../../../a/a%2Fb/runs/"+s.Run().ID+"?done=run-retried", answer.Header().Get("Location"))
	s.Drain()
	assert.Equal(t, automation.RunRunning, s.Run().Status)
	require.Len(t, audit, 1)
	assert.Equal(t, "retry run", audit[0].Action)
	assert.NoError(t, audit[0].Err)
	assert.Equal(t, http.StatusSeeOther, s.post(path+"/retry").Code, "a second click changes nothing")
	s.Pass(25 * time.Hour)
	require.Equal(t, automation.RunCompleted, s.Run().Status)
	assert.Equal(t, http.StatusConflict, s.post(path+"/retry").Code)
	assert.Error(t, audit[2].Err)
}

func TestRun_IsCancelledAfterAQuestion(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Create(welcome("a"))
	s.signUp("ada@example.com")
	path := "/a/a/runs/" + s.Run().ID + "/cancel"
	assert.Contains(t, s.get(path).Body.String(), "Cancel the run of")
	assert.Equal(t, automation.RunRunning, s.Run().Status)
	assert.Equal(t, http.StatusSeeOther, s.post(path).Code)
	assert.Equal(t, automation.RunCancelled, s.Run().Status)
	assert.Contains(t, s.get(path).Body.String(), "This run has ended")
	assert.Equal(t, http.StatusNotFound, s.post("/a/b/runs/"+s.Run().ID+"/cancel").Code)
}

func TestRun_ShowsTheBranchesThatItTook(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	a := world.Flow("a", "signup",
		automation.Step{Key: "sort", Config: automation.Branch{Branches: []automation.BranchRule{{Name: "pro", Rule: automation.Field("event.plan").Eq("pro")}}}},
		automation.Step{Key: "offer", Config: automation.Split{Variants: []automation.Variant{{Name: "ten <b>", Weight: 1}, {Name: "none", Weight: 0}}}},
		world.Email("hello"))
	a.Connections[2].Type = "ten <b>"
	s.Create(a)
	s.Send(world.ForAda("signup", map[string]any{"plan": "free"}))
	s.Drain()
	body := s.get("/a/a/runs/" + s.Run().ID + "?step=sort").Body.String()
	assert.Contains(t, body, `<dt>Branch</dt><dd><span class="branch"><bdi>default</bdi>`)
	assert.Contains(t, body, `<span class="branch">→ <bdi>ten &lt;b&gt;</bdi></span>`)
	assert.Contains(t, s.get("/a/a/funnel").Body.String(), "ten &lt;b&gt;")
}
