package scenario_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestGetRun_HasItsStepsInGraphOrder(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	a := world.Flow("welcome", "signup",
		automation.Step{Key: "check", Config: automation.Condition{Rule: automation.Field("event.plan").Eq("pro")}},
		world.Email("pro"), world.Pause("rest", "1 day"), world.Email("tips"))
	a.Steps = append(a.Steps, world.Email("free"))
	a.Connections[1].Type = automation.ConnectionConditionMet
	a.Connections = append(a.Connections, automation.Connection{From: "check", To: "free", Type: automation.ConnectionConditionNotMet})
	w.Create(a)
	e := world.Signup("ada@example.com")
	e.Payload = automation.Payload(map[string]any{"plan": "pro"})
	receipt := w.Send(e)[0]
	w.Clock.Add(time.Second)
	w.Drain()

	run := w.Run()
	status := map[string]automation.StepStatus{}
	for _, s := range run.Steps {
		status[s.Key] = s.Status
	}
	assert.Equal(t, map[string]automation.StepStatus{
		"start": automation.StepCompleted, "check": automation.StepCompleted, "pro": automation.StepCompleted,
		"rest": automation.StepWaiting, "tips": automation.StepPending, "free": automation.StepSkipped,
	}, status)
	assert.Equal(t, "start", run.Steps[0].Key)
	assert.Equal(t, "welcome", run.AutomationID)
	assert.Equal(t, 1, run.Version)
	assert.Equal(t, receipt.ID, run.EventID)
	assert.Equal(t, "signup", run.EventName)
	assert.Equal(t, automation.RunRunning, run.Status)
	assert.Equal(t, "rest", run.Step)
	assert.Equal(t, world.Start.Add(time.Second), run.CreatedAt, "when the event was handled")
	assert.Equal(t, run.CreatedAt, run.StartedAt)
	assert.Equal(t, world.Start.Add(24*time.Hour+time.Second), run.DueAt)
	assert.Zero(t, run.CompletedAt)
	w.Pass(24 * time.Hour)
	run = w.Run()
	assert.Equal(t, world.Start.Add(24*time.Hour+time.Second), run.CompletedAt)
	assert.Zero(t, run.DueAt)
}

func TestGetRun_UnknownIsNotFound(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	_, err := w.GetRun(w.Ctx, "nope")
	require.ErrorIs(t, err, automation.ErrNotFound)
	_, err = w.CancelRun(w.Ctx, "nope")
	require.ErrorIs(t, err, automation.ErrNotFound)
	_, err = w.RetryRun(w.Ctx, "nope")
	require.ErrorIs(t, err, automation.ErrNotFound)
	_, err = w.CountRuns(w.Ctx, "nope")
	assert.ErrorIs(t, err, automation.ErrNotFound)
}

func TestListRuns_Filters(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.AddContact(automation.Contact{ID: "ada", Email: "ada@example.com"})
	w.AddContact(automation.Contact{ID: "bob", Email: "bob@example.com"})
	w.Create(world.Flow("sleeps", "signup", world.Pause("rest", "1 day")))
	w.Create(world.Flow("ends", "signup", world.Email("hello")))
	w.Create(world.Flow("fails", "order", automation.Step{Key: "check", Config: automation.Condition{Rule: automation.Field("event.n").Gt(1)}}))
	event := w.Send(world.Signup("ada@example.com"))[0].ID
	w.Drain()
	w.Clock.Add(time.Hour)
	w.Send(automation.Event{Name: "order", ContactID: "bob"})
	w.Drain()
	_, err := w.CancelRun(w.Ctx, w.Runs()[2].ID)
	require.NoError(t, err)

	status := func(s ...automation.RunStatus) automation.RunQuery { return automation.RunQuery{Statuses: s} }
	tests := map[string]struct {
		query automation.RunQuery
		want  []string
	}{
		"everything":    {automation.RunQuery{}, []string{"fails", "ends", "sleeps"}},
		"automation":    {automation.RunQuery{AutomationID: "ends"}, []string{"ends"}},
		"version":       {automation.RunQuery{Version: 2}, nil},
		"one status":    {status(automation.RunFailed), []string{"fails"}},
		"statuses":      {status(automation.RunCompleted, automation.RunCancelled), []string{"ends", "sleeps"}},
		"contact":       {automation.RunQuery{ContactID: "bob"}, []string{"fails"}},
		"event":         {automation.RunQuery{EventID: event}, []string{"ends", "sleeps"}},
		"event name":    {automation.RunQuery{EventName: "order"}, []string{"fails"}},
		"step":          {automation.RunQuery{Step: "rest"}, []string{"sleeps"}},
		"from, incl.":   {automation.RunQuery{CreatedFrom: world.Start.Add(time.Hour)}, []string{"fails"}},
		"until, excl.":  {automation.RunQuery{CreatedUntil: world.Start.Add(time.Hour)}, []string{"ends", "sleeps"}},
		"ended from":    {automation.RunQuery{CompletedFrom: world.Start.Add(time.Hour)}, []string{"fails", "sleeps"}},
		"ended until":   {automation.RunQuery{CompletedUntil: world.Start.Add(time.Hour)}, []string{"ends"}},
		"error code":    {automation.RunQuery{ErrorCode: automation.FailedCondition}, []string{"fails"}},
		"another code":  {automation.RunQuery{ErrorCode: automation.FailedTimeout}, nil},
		"all in one":    {automation.RunQuery{ContactID: "ada", EventName: "signup", Step: "hello", Statuses: []automation.RunStatus{"completed"}}, []string{"ends"}},
		"nothing":       {automation.RunQuery{ContactID: "eve"}, nil},
		"no automation": {automation.RunQuery{AutomationID: "eve"}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, err := w.ListRuns(w.Ctx, tt.query)
			require.NoError(t, err)
			var ids []string
			for _, run := range page.Data {
				assert.Empty(t, run.Steps, "lists have no steps")
				assert.Equal(t, run.Status == automation.RunFailed || run.Status == automation.RunCancelled, run.Error != nil)
				ids = append(ids, run.AutomationID)
			}
			assert.Equal(t, tt.want, ids)
			assert.False(t, page.HasMore)
		})
	}
}

func TestLists_RefuseQueriesThatNoIndexServes(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	_, runs := w.ListRuns(w.Ctx, automation.RunQuery{CompletedFrom: world.Start, CreatedUntil: world.Start})
	_, retries := w.RetryRuns(w.Ctx, automation.RunQuery{CompletedUntil: world.Start, CreatedFrom: world.Start}, automation.BulkOptions{})
	_, events := w.ListEvents(w.Ctx, automation.EventQuery{Name: "signup", AcceptedUntil: world.Start})
	for _, err := range []error{runs, retries, events} {
		var invalid *automation.ValidationError
		require.ErrorAs(t, err, &invalid)
		assert.Equal(t, automation.CodeUnboundedQuery, invalid.Problems[0].Code)
	}
}

func TestLists_RefuseTextsThatADatabaseRefuses(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	for _, text := range []string{"\x00", "a\x00b", "\xff", "a\xc3"} {
		for path, q := range map[string]automation.RunQuery{
			"automation_id": {AutomationID: text}, "contact_id": {ContactID: text}, "event_id": {EventID: text}, "event_name": {EventName: text},
			"step": {Step: text}, "error_code": {ErrorCode: automation.StepErrorCode(text)}, "after": {PageQuery: automation.PageQuery{Before: text}},
		} {
			_, err := w.ListRuns(w.Ctx, q)
			assertFlawed(t, err, path)
			if path != "after" {
				_, err = w.RetryRuns(w.Ctx, q, automation.BulkOptions{})
				assertFlawed(t, err, path)
			}
		}
		for path, q := range map[string]automation.EventQuery{
			"name": {Name: text, AcceptedFrom: world.Start}, "contact_id": {Contact: automation.ContactRef{ID: text}},
			"email": {Contact: automation.ContactRef{Email: text}}, "after": {PageQuery: automation.PageQuery{After: text}},
		} {
			_, err := w.ListEvents(w.Ctx, q)
			assertFlawed(t, err, path)
		}
		for path, q := range map[string]automation.ContactQuery{"segment": {Segment: text}, "email_prefix": {EmailPrefix: text}} {
			_, err := w.ListContacts(w.Ctx, q)
			assertFlawed(t, err, path)
		}
	}
}

// assertFlawed fails unless err has one problem, of what is at path.
func assertFlawed(t *testing.T, err error, path string) {
	t.Helper()
	var invalid *automation.ValidationError
	if assert.ErrorAs(t, err, &invalid, path) && assert.Len(t, invalid.Problems, 1) {
		assert.Equal(t, path, invalid.Problems[0].Path)
	}
}

func TestListRuns_PagesStayStableWhileRunsAreAdded(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	var want []string
	for i := range 5 {
		w.Send(world.Signup(fmt.Sprintf("%d@example.com", i)))
		w.Drain()
		want = append([]string{w.Runs()[0].ID}, want...)
	}
	var got []string
	q := automation.RunQuery{PageQuery: automation.PageQuery{Limit: 2}}
	for more := true; more; {
		page, err := w.ListRuns(w.Ctx, q)
		require.NoError(t, err)
		for _, run := range page.Data {
			got = append(got, run.ID)
		}
		q.After, more = got[len(got)-1], page.HasMore
		w.Send(world.Signup(fmt.Sprintf("late-%d@example.com", len(got))))
		w.Drain()
	}
	assert.Equal(t, want, got)
}

func TestCountRuns_CountsByVersionStepAndStatus(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Pause("rest", "1 day")))
	w.Send(world.Signups(3)...)
	w.Drain()
	_, err := w.CancelRun(w.Ctx, w.Runs()[0].ID)
	require.NoError(t, err)
	graph := world.Flow("", "signup", world.Email("hello"))
	_, err = w.UpdateAutomation(w.Ctx, "welcome", automation.AutomationUpdate{Steps: graph.Steps, Connections: graph.Connections})
	require.NoError(t, err)
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	counts, err := w.CountRuns(w.Ctx, "welcome")
	require.NoError(t, err)
	assert.Equal(t, []automation.RunCount{
		{AutomationID: "welcome", Version: 1, Step: "rest", Status: automation.RunCancelled, Count: 1},
		{AutomationID: "welcome", Version: 1, Step: "rest", Status: automation.RunRunning, Count: 2},
		{AutomationID: "welcome", Version: 2, Step: "hello", Status: automation.RunCompleted, Count: 1},
	}, counts)
}

func TestSampleRuns_HasTheNewestWithTheirSteps(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello"), world.Pause("rest", "1 day")))
	w.Create(world.Flow("other", "signup"))
	w.Send(world.Signups(5)...)
	w.Drain()
	runs, err := w.SampleRuns(w.Ctx, automation.RunQuery{AutomationID: "welcome", PageQuery: automation.PageQuery{Limit: 3}})
	require.NoError(t, err)
	page, err := w.ListRuns(w.Ctx, automation.RunQuery{AutomationID: "welcome", PageQuery: automation.PageQuery{Limit: 3}})
	require.NoError(t, err)
	require.Len(t, runs, 3)
	for i, run := range runs {
		want, err := w.GetRun(w.Ctx, page.Data[i].ID)
		require.NoError(t, err)
		assert.Equal(t, want, run)
		assert.Len(t, run.Steps, 3)
	}
}

func TestSampleRuns_RefusesPagesAndLargeSamples(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	for path, page := range map[string]automation.PageQuery{
		"limit": {Limit: automation.MaxSample + 1}, "after": {Before: "x"},
	} {
		_, err := w.SampleRuns(w.Ctx, automation.RunQuery{PageQuery: page})
		var invalid *automation.ValidationError
		require.ErrorAs(t, err, &invalid)
		assert.Equal(t, path, invalid.Problems[0].Path)
	}
}

func TestListAutomations_PagesFromNewestToOldest(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	for i := range 25 {
		a := world.Flow(fmt.Sprintf("flow-%02d", i), "signup", world.Email("hello"))
		if i%5 == 0 {
			a.Status = automation.StatusDisabled
		}
		w.Create(a)
	}
	list := func(q automation.AutomationQuery) ([]string, bool) {
		page, err := w.ListAutomations(w.Ctx, q)
		require.NoError(t, err)
		var ids []string
		for _, a := range page.Data {
			assert.Nil(t, a.Steps, "lists have no graphs")
			assert.NotZero(t, a.Version)
			ids = append(ids, a.ID)
		}
		return ids, page.HasMore
	}
	ids, more := list(automation.AutomationQuery{})
	assert.Len(t, ids, 20, "by default")
	assert.True(t, more)
	assert.Equal(t, "flow-24", ids[0])
	ids, more = list(automation.AutomationQuery{PageQuery: automation.PageQuery{After: ids[19]}})
	assert.Equal(t, []string{"flow-04", "flow-03", "flow-02", "flow-01", "flow-00"}, ids)
	assert.False(t, more)
	ids, more = list(automation.AutomationQuery{PageQuery: automation.PageQuery{Before: "flow-20", Limit: 2}})
	assert.Equal(t, []string{"flow-22", "flow-21"}, ids)
	assert.True(t, more)
	ids, _ = list(automation.AutomationQuery{Status: automation.StatusDisabled})
	assert.Equal(t, []string{"flow-20", "flow-15", "flow-10", "flow-05", "flow-00"}, ids)
}

func TestLists_RefuseABadPage(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	lists := map[string]func(q automation.PageQuery) error{
		"automations": func(q automation.PageQuery) error {
			_, err := w.ListAutomations(w.Ctx, automation.AutomationQuery{PageQuery: q})
			return err
		},
		"runs": func(q automation.PageQuery) error {
			_, err := w.ListRuns(w.Ctx, automation.RunQuery{PageQuery: q})
			return err
		},
		"contacts": func(q automation.PageQuery) error {
			_, err := w.ListContacts(w.Ctx, automation.ContactQuery{PageQuery: q})
			return err
		},
		"event definitions": func(q automation.PageQuery) error {
			_, err := w.ListEventDefinitions(w.Ctx, q)
			return err
		},
	}
	for name, list := range lists {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, limit := range []int{-1, 101} {
				assert.Equal(t, []string{"limit"}, world.Paths(world.Problems(t, list(automation.PageQuery{Limit: limit}))))
			}
			err := list(automation.PageQuery{Limit: 500, After: "a", Before: "b"})
			assert.Equal(t, []string{"limit", "before"}, world.Paths(world.Problems(t, err)))
			require.ErrorIs(t, list(automation.PageQuery{After: "nothing"}), automation.ErrNotFound)
			require.NoError(t, list(automation.PageQuery{Limit: 1}))
			require.NoError(t, list(automation.PageQuery{Limit: 100}))
		})
	}
}
