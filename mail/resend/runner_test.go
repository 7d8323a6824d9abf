package resend_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/resend"
	"github.com/seed-b636437c/automation/store/memory"
)

// world is a Runner that sends one email through an API.
type world struct {
	*automation.Runner
	t     *testing.T
	clock *clock.Mock
}

func newWorld(t *testing.T, a *api) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewMock()}
	w.clock.Set(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC))
	var err error
	w.Runner, err = automation.New(memory.New(), a.mailer(resend.Options{}), automation.Options{
		Clock: w.clock, Retry: automation.RetryPolicy{Jitter: -1},
	})
	require.NoError(t, err)
	a.inspected = says(200, `{"object":"template","id":"welcome","status":"published"}`)
	created, err := w.CreateAutomation(t.Context(), automation.Automation{
		Name: "Welcome", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "start", Config: automation.Trigger{EventName: "signup"}},
			{Key: "welcome", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "welcome"}}},
		},
		Connections: []automation.Connection{{From: "start", To: "welcome"}},
	})
	require.NoError(t, err)
	require.Empty(t, created.Warnings)
	_, err = w.Send(t.Context(), automation.Event{Name: "signup", Email: "ada@example.com"})
	require.NoError(t, err)
	w.pass(0)
	return w
}

// pass moves the clock and performs the work that is due then.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.clock.Add(d)
	_, err := w.Drain(w.t.Context())
	require.NoError(w.t, err)
}

// email returns the run and its step.
func (w *world) email() (automation.Run, automation.StepRun) {
	w.t.Helper()
	page, err := w.ListRuns(w.t.Context(), automation.RunQuery{})
	require.NoError(w.t, err)
	require.Len(w.t, page.Data, 1)
	run, err := w.GetRun(w.t.Context(), page.Data[0].ID)
	require.NoError(w.t, err)
	return run, run.Steps[1]
}

// inTurn gives each request the next answer.
func inTurn(answers ...http.HandlerFunc) http.HandlerFunc {
	next := make(chan http.HandlerFunc, len(answers))
	for _, answer := range answers {
		next <- answer
	}
	return func(w http.ResponseWriter, r *http.Request) { (<-next)(w, r) }
}

func TestRunner_ARateLimitSpendsNoAttempt(t *testing.T) {
	t.Parallel()
	limit := refusal(429, "rate_limit_exceeded", "Retry-After", "7")
	var answers []http.HandlerFunc
	for range 8 { // more than the attempts that an email gets
		answers = append(answers, limit)
	}
	a := newAPI(t, inTurn(append(answers, accepts)...))
	w := newWorld(t, a)
	for n := range 8 {
		assert.Len(t, a.all(), n+1)
		w.pass(7*time.Second - time.Millisecond)
		assert.Len(t, a.all(), n+1, "not before its time")
		w.pass(time.Millisecond)
	}
	run, step := w.email()
	assert.Equal(t, automation.RunCompleted, run.Status)
	assert.Contains(t, string(step.Output), "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794")
	sameKey(t, a, "run/"+run.ID+"/welcome", 9)
}

func TestRunner_TriesAgainWithTheSameKey(t *testing.T) {
	t.Parallel()
	a := newAPI(t, inTurn(refusal(500, "internal_server_error"), accepts))
	w := newWorld(t, a)
	w.pass(time.Second)
	run, _ := w.email()
	assert.Equal(t, automation.RunCompleted, run.Status)
	sameKey(t, a, "run/"+run.ID+"/welcome", 2)
	assert.Equal(t, a.all()[0].body, a.all()[1].body)
}

func sameKey(t *testing.T, a *api, key string, requests int) {
	t.Helper()
	require.Len(t, a.all(), requests)
	for _, r := range a.all() {
		assert.Equal(t, key, r.header.Get("Idempotency-Key"))
	}
}

func TestRunner_FailsAtOnceOnAPermanentError(t *testing.T) {
	t.Parallel()
	a := newAPI(t, refusal(422, "invalid_from_address"))
	w := newWorld(t, a)
	run, step := w.email()
	assert.Equal(t, automation.RunFailed, run.Status)
	assert.Contains(t, step.Error.Message, "422 invalid_from_address: Something about it.")
	a.asked()
}

func TestRunner_ContinuesIfAnEarlierAttemptSentOtherContent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newAPI(t, inTurn(cutOffBeforeAnswering, refusal(409, "invalid_idempotent_request"))))
	w.pass(time.Second)
	run, _ := w.email()
	assert.Equal(t, automation.RunCompleted, run.Status)
}

// cutOffBeforeAnswering accepts an email, and its answer gets lost.
func cutOffBeforeAnswering(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
