package automation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

func TestCreateAutomation_ReturnsWhatWasKept(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	given := linear("", "signup", mailing("hello"))
	given.Name, given.Status, given.Version, given.Revision = "Welcome", "", 7, 7
	a := r.create(given)
	assert.NotEmpty(t, a.ID)
	assert.Equal(t, automation.StatusDisabled, a.Status)
	assert.Equal(t, 1, a.Version)
	assert.Equal(t, 1, a.Revision)
	assert.Equal(t, start, a.CreatedAt)
	assert.Equal(t, start, a.UpdatedAt)
	assert.Equal(t, given.Steps, a.Steps)

	read, err := r.GetAutomation(r.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, a, read)
}

func TestCreateAutomation_IDThatIsTakenConflicts(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.create(linear("welcome", "signup", mailing("hello")))
	_, err := r.CreateAutomation(r.ctx, linear("welcome", "other", mailing("tips")))
	require.ErrorIs(t, err, automation.ErrConflict)
	a, err := r.GetAutomation(r.ctx, "welcome")
	require.NoError(t, err)
	assert.Equal(t, mailing("hello"), a.Steps[1])
}

func TestCreateAutomation_ListsEveryProblemAndKeepsNothing(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	_, err := r.CreateAutomation(r.ctx, automation.Automation{ID: "bad", Status: "paused", Steps: []automation.Step{
		{Key: "start", Config: automation.Trigger{}}, {Key: "rest", Config: automation.Delay{}},
	}})
	assert.Subset(t, paths(problemsOf(t, err)), []string{"name", "status", "steps[0].config.event_name", "steps[1].config.duration"})
	_, err = r.GetAutomation(r.ctx, "bad")
	assert.ErrorIs(t, err, automation.ErrNotFound)
}

func TestUpdateAutomation_ChangesWhatIsGiven(t *testing.T) {
	t.Parallel()
	name, disabled := "Renamed", automation.StatusDisabled
	steps := linear("", "signup", mailing("tips"))
	tests := map[string]struct {
		update automation.AutomationUpdate
		want   func(a *automation.Automation)
	}{
		"name":   {automation.AutomationUpdate{Name: &name}, func(a *automation.Automation) { a.Name = name }},
		"status": {automation.AutomationUpdate{Status: &disabled}, func(a *automation.Automation) { a.Status = disabled }},
		"graph": {automation.AutomationUpdate{Steps: steps.Steps, Connections: steps.Connections}, func(a *automation.Automation) {
			a.Version, a.Steps = 2, steps.Steps
			a.Connections = []automation.Connection{{From: "start", To: "tips", Type: automation.ConnectionDefault}}
		}},
		"name, at its revision": {automation.AutomationUpdate{Name: &name, Revision: 1}, func(a *automation.Automation) { a.Name = name }},
	}
	for label, tt := range tests {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			r := setup(t, automation.Options{})
			want := r.create(linear("welcome", "signup", mailing("hello")))
			r.clock.Add(time.Hour)
			got, err := r.UpdateAutomation(r.ctx, "welcome", tt.update)
			require.NoError(t, err)
			tt.want(&want)
			want.Revision, want.UpdatedAt = 2, start.Add(time.Hour)
			for i := range want.Connections {
				want.Connections[i].Type = got.Connections[i].Type
			}
			assert.Equal(t, want, got)
			read, err := r.GetAutomation(r.ctx, "welcome")
			require.NoError(t, err)
			assert.Equal(t, got, read)
		})
	}
}

func TestUpdateAutomation_RefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	empty, odd := "", automation.Status("paused")
	graph := linear("", "signup", mailing("hello"))
	tests := map[string]struct {
		update automation.AutomationUpdate
		path   string
	}{
		"nothing":             {automation.AutomationUpdate{}, ""},
		"only a revision":     {automation.AutomationUpdate{Revision: 1}, ""},
		"steps alone":         {automation.AutomationUpdate{Steps: graph.Steps}, "connections"},
		"connections alone":   {automation.AutomationUpdate{Connections: graph.Connections}, "connections"},
		"no name":             {automation.AutomationUpdate{Name: &empty}, "name"},
		"unknown status":      {automation.AutomationUpdate{Status: &odd}, "status"},
		"a graph without any": {automation.AutomationUpdate{Steps: []automation.Step{}, Connections: []automation.Connection{}}, "steps"},
	}
	for label, tt := range tests {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			r := setup(t, automation.Options{})
			a := r.create(linear("welcome", "signup", mailing("hello")))
			_, err := r.UpdateAutomation(r.ctx, "welcome", tt.update)
			assert.Equal(t, []string{tt.path}, paths(problemsOf(t, err)))
			read, err := r.GetAutomation(r.ctx, "welcome")
			require.NoError(t, err)
			assert.Equal(t, a, read)
		})
	}
}

func TestUpdateAutomation_OlderRevisionConflicts(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.create(linear("welcome", "signup", mailing("hello")))
	one, two := "One", "Two"
	_, err := r.UpdateAutomation(r.ctx, "welcome", automation.AutomationUpdate{Name: &one, Revision: 1})
	require.NoError(t, err)
	_, err = r.UpdateAutomation(r.ctx, "welcome", automation.AutomationUpdate{Name: &two, Revision: 1})
	require.ErrorIs(t, err, automation.ErrConflict)
	a, err := r.GetAutomation(r.ctx, "welcome")
	require.NoError(t, err)
	assert.Equal(t, one, a.Name)
}

// overtaken is a store that lets somebody else update each automation that is
// read, once.
type overtaken struct {
	automation.Store
	once   sync.Once
	update func()
}

func (s *overtaken) FindAutomation(ctx context.Context, id string) (automation.AutomationRecord, error) {
	a, err := s.Store.FindAutomation(ctx, id)
	s.once.Do(s.update)
	return a, err
}

func TestUpdateAutomation_OfTwoAtOnceTheSecondConflicts(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.create(linear("welcome", "signup", mailing("hello")))
	one, two := "One", "Two"
	graph := linear("", "other", mailing("tips"))
	second := r.on(&overtaken{Store: r.store, update: func() {
		_, err := r.UpdateAutomation(r.ctx, "welcome", automation.AutomationUpdate{Name: &one})
		assert.NoError(t, err)
	}}, r.opts)
	_, err := second.UpdateAutomation(r.ctx, "welcome", automation.AutomationUpdate{
		Name: &two, Steps: graph.Steps, Connections: graph.Connections,
	})
	require.ErrorIs(t, err, automation.ErrConflict)
	a, err := r.GetAutomation(r.ctx, "welcome")
	require.NoError(t, err)
	assert.Equal(t, one, a.Name)
	assert.Equal(t, 1, a.Version, "nothing of the second is applied")
}

func TestUpdateAutomation_RunsStayOnTheirVersion(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.create(linear("welcome", "signup", delaying("rest", "1 day"), mailing("old")))
	r.send(signup("ada@example.com"))
	r.drain()
	graph := linear("", "joined", mailing("new"))
	_, err := r.UpdateAutomation(r.ctx, "welcome", automation.AutomationUpdate{Steps: graph.Steps, Connections: graph.Connections})
	require.NoError(t, err)
	r.send(signup("bob@example.com"), automation.Event{Name: "joined", Email: "eve@example.com"})
	r.pass(24 * time.Hour)
	assert.ElementsMatch(t, []string{"old", "new"}, r.sent())
	runs := r.runs()
	require.Len(t, runs, 2, "the old trigger starts nothing any more")
	assert.Equal(t, []int{2, 1}, []int{runs[0].Version, runs[1].Version})
	assert.Len(t, runs[1].Steps, 3)
}

func TestStopAutomation(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		opts   automation.StopOptions
		status automation.RunStatus
		sent   []string
	}{
		"runs in progress go on":     {automation.StopOptions{}, automation.RunCompleted, []string{"hello"}},
		"runs in progress cancelled": {automation.StopOptions{CancelRuns: true}, automation.RunCancelled, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := setup(t, automation.Options{})
			r.create(linear("welcome", "signup", delaying("rest", "1 day"), mailing("hello")))
			r.send(signup("ada@example.com"))
			r.drain()
			r.send(signup("bob@example.com"))
			for range 2 { // stopping what is stopped is no error
				a, err := r.StopAutomation(r.ctx, "welcome", tt.opts)
				require.NoError(t, err)
				assert.Equal(t, automation.StatusDisabled, a.Status)
				assert.Equal(t, 2, a.Revision)
				assert.Equal(t, 1, a.Version)
			}
			r.drain()
			r.pass(24 * time.Hour)
			run := r.run()
			assert.Equal(t, tt.status, run.Status)
			assert.Equal(t, tt.sent, r.sent())
			if tt.opts.CancelRuns {
				assert.Equal(t, automation.CancelledByRequest, run.Error.Code)
			}
		})
	}
}

func TestDuplicateAutomation_IsADisabledCopy(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	a := r.create(linear("welcome", "signup", mailing("hello")))
	name := "Welcome"
	a, err := r.UpdateAutomation(r.ctx, a.ID, automation.AutomationUpdate{Name: &name})
	require.NoError(t, err)
	c, err := r.DuplicateAutomation(r.ctx, a.ID)
	require.NoError(t, err)
	assert.NotEqual(t, a.ID, c.ID)
	assert.Equal(t, "Welcome (copy)", c.Name)
	assert.Equal(t, automation.StatusDisabled, c.Status)
	assert.Equal(t, []int{1, 1}, []int{c.Version, c.Revision})
	assert.Equal(t, a.Steps, c.Steps)
	assert.Equal(t, a.Connections, c.Connections)
	r.send(signup("ada@example.com"))
	r.drain()
	assert.Equal(t, a.ID, r.run().AutomationID)
}

func TestDeleteAutomation_CancelsRunsAndKeepsThemReadable(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.create(linear("welcome", "signup", mailing("hello"), delaying("rest", "1 day"), mailing("tips")))
	r.send(signup("ada@example.com"))
	r.drain()
	require.NoError(t, r.DeleteAutomation(r.ctx, "welcome"))
	r.send(signup("bob@example.com"))
	r.drain()
	run := r.run()
	assert.Equal(t, automation.RunCancelled, run.Status)
	assert.Equal(t, automation.StepCompleted, stepRun(t, run, "hello").Status)
	assert.Equal(t, automation.StepCancelled, stepRun(t, run, "rest").Status)
	_, err := r.GetAutomation(r.ctx, "welcome")
	require.ErrorIs(t, err, automation.ErrNotFound)
	page, err := r.ListAutomations(r.ctx, automation.AutomationQuery{})
	require.NoError(t, err)
	assert.Empty(t, page.Data)
}

func TestManage_UnknownAutomationIsNotFound(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	name := "x"
	calls := map[string]func() error{
		"get": func() error { _, err := r.GetAutomation(r.ctx, "nope"); return err },
		"update": func() error {
			_, err := r.UpdateAutomation(r.ctx, "nope", automation.AutomationUpdate{Name: &name})
			return err
		},
		"stop": func() error {
			_, err := r.StopAutomation(r.ctx, "nope", automation.StopOptions{CancelRuns: true})
			return err
		},
		"duplicate": func() error { _, err := r.DuplicateAutomation(r.ctx, "nope"); return err },
		"delete":    func() error { return r.DeleteAutomation(r.ctx, "nope") },
	}
	for label, call := range calls {
		err := call()
		require.ErrorIs(t, err, automation.ErrNotFound, label)
		assert.Contains(t, err.Error(), `"nope"`, label)
	}
}

// everything is an automation with every kind of config, written the short way.
func everything() automation.Automation {
	return automation.Automation{
		ID: "all", Name: "All", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "start", Config: automation.Trigger{EventName: "signup"}},
			{Key: "check", Config: automation.Condition{Rule: automation.Any(
				automation.Field("event.n").Gt(1.50), automation.Rule{Field: "contact.email", Operator: automation.OpExists})}},
			{Key: "rest", Config: automation.Delay{Duration: automation.MustParseDuration("36h")}},
			{Key: "wait", Config: automation.WaitForEvent{EventName: "confirm", Timeout: automation.MustParseDuration("1 week"), Lookback: true}},
			{Key: "mail", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "<&>", Variables: map[string]automation.Value{
				"B": automation.Var("event.b"), "A": automation.Null(),
			}}}},
			{Key: "update", Config: automation.ContactUpdate{Properties: map[string]automation.Value{"n": automation.ValueOf(1e21)}}},
			{Key: "segment", Config: automation.AddToSegment{SegmentID: "s"}},
			{Key: "delete", Config: automation.ContactDelete{}},
		},
		Connections: []automation.Connection{
			{From: "start", To: "check"}, {From: "check", To: "rest", Type: automation.ConnectionConditionMet},
			{From: "rest", To: "wait", Type: automation.ConnectionDefault}, {From: "wait", To: "mail"},
			{From: "mail", To: "update"}, {From: "update", To: "segment"}, {From: "segment", To: "delete"},
		},
	}
}

func TestApply_IsIdempotent(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	first, err := r.Apply(r.ctx, everything())
	require.NoError(t, err)
	r.clock.Add(time.Hour)
	again, err := r.Apply(r.ctx, everything())
	require.NoError(t, err)
	assert.Equal(t, first, again)
	fromStore, err := r.Apply(r.ctx, again)
	require.NoError(t, err)
	assert.Equal(t, first, fromStore)

	text, err := json.Marshal(everything())
	require.NoError(t, err)
	parsed, err := automation.Parse(text, nil)
	require.NoError(t, err)
	fromFile, err := r.Apply(r.ctx, parsed)
	require.NoError(t, err)
	assert.Equal(t, first, fromFile)
}

func TestApply_ChangesWhatDiffers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change            func(a *automation.Automation)
		version, revision int
	}{
		"nothing":     {func(*automation.Automation) {}, 1, 1},
		"name":        {func(a *automation.Automation) { a.Name = "Other" }, 1, 2},
		"status":      {func(a *automation.Automation) { a.Status = "" }, 1, 2},
		"steps":       {func(a *automation.Automation) { a.Steps[1] = mailing("hello"); a.Steps[1].Key = "mail" }, 2, 2},
		"connections": {func(a *automation.Automation) { a.Steps, a.Connections = a.Steps[:1], nil }, 2, 2},
	}
	for label, tt := range tests {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			r := setup(t, automation.Options{})
			flow := linear("welcome", "signup", mailing("mail"))
			_, err := r.Apply(r.ctx, flow)
			require.NoError(t, err)
			tt.change(&flow)
			a, err := r.Apply(r.ctx, flow)
			require.NoError(t, err)
			assert.Equal(t, []int{tt.version, tt.revision}, []int{a.Version, a.Revision})
			assert.Equal(t, flow.Name, a.Name)
			assert.Equal(t, flow.Steps, a.Steps)
		})
	}
}

func TestApply_RefusesWhatIsInvalid(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	_, err := r.Apply(r.ctx, linear("", "signup", mailing("hello")))
	assert.Equal(t, []string{"id"}, paths(problemsOf(t, err)))

	flow := r.create(linear("welcome", "signup", mailing("hello")))
	_, err = r.Apply(r.ctx, automation.Automation{ID: "welcome", Name: "welcome", Status: automation.StatusEnabled})
	assert.Equal(t, automation.CodeNoTrigger, problemsOf(t, err)[0].Code)
	a, err := r.GetAutomation(r.ctx, "welcome")
	require.NoError(t, err)
	assert.Equal(t, flow, a)
}

func TestApply_DeletedIDWithRunsConflicts(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	flow := linear("welcome", "signup", mailing("hello"))
	r.create(flow)
	r.send(signup("ada@example.com"))
	r.drain()
	require.NoError(t, r.DeleteAutomation(r.ctx, "welcome"))
	_, err := r.Apply(r.ctx, flow)
	assert.ErrorIs(t, err, automation.ErrConflict)
}

func TestApply_ManyProcessesAtOnceAgree(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	second := everything()
	second.Steps[4] = mailing("mail")
	for version, flow := range []automation.Automation{everything(), second} {
		var wg sync.WaitGroup
		for range 16 {
			node := r.on(r.store, r.opts)
			wg.Go(func() {
				a, err := node.Apply(r.ctx, flow)
				if assert.NoError(t, err) {
					assert.Equal(t, version+1, a.Version)
					assert.Equal(t, version+1, a.Revision)
				}
			})
		}
		wg.Wait()
	}
}

// Applying with one that changes back and forth ends in either, whole.
func TestApply_DifferentOnesAtOnceEndInOne(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	flows := []automation.Automation{linear("welcome", "signup", mailing("one")), linear("welcome", "joined", mailing("two"))}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			_, err := r.Apply(r.ctx, flows[i%2])
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	a, err := r.GetAutomation(r.ctx, "welcome")
	require.NoError(t, err)
	assert.Contains(t, [][]automation.Step{flows[0].Steps, flows[1].Steps}, a.Steps)
}

func TestListAutomations_PagesFromNewestToOldest(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	for i := range 25 {
		a := linear(fmt.Sprintf("flow-%02d", i), "signup", mailing("hello"))
		if i%5 == 0 {
			a.Status = automation.StatusDisabled
		}
		r.create(a)
	}
	list := func(q automation.AutomationQuery) ([]string, bool) {
		page, err := r.ListAutomations(r.ctx, q)
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
	r := setup(t, automation.Options{})
	lists := map[string]func(q automation.PageQuery) error{
		"automations": func(q automation.PageQuery) error {
			_, err := r.ListAutomations(r.ctx, automation.AutomationQuery{PageQuery: q})
			return err
		},
		"runs": func(q automation.PageQuery) error {
			_, err := r.ListRuns(r.ctx, automation.RunQuery{PageQuery: q})
			return err
		},
		"contacts": func(q automation.PageQuery) error {
			_, err := r.ListContacts(r.ctx, automation.ContactQuery{PageQuery: q})
			return err
		},
		"event definitions": func(q automation.PageQuery) error {
			_, err := r.ListEventDefinitions(r.ctx, q)
			return err
		},
	}
	for name, list := range lists {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, limit := range []int{-1, 101} {
				assert.Equal(t, []string{"limit"}, paths(problemsOf(t, list(automation.PageQuery{Limit: limit}))))
			}
			err := list(automation.PageQuery{Limit: 500, After: "a", Before: "b"})
			assert.Equal(t, []string{"limit", "before"}, paths(problemsOf(t, err)))
			require.ErrorIs(t, list(automation.PageQuery{After: "nothing"}), automation.ErrNotFound)
			require.NoError(t, list(automation.PageQuery{Limit: 1}))
			require.NoError(t, list(automation.PageQuery{Limit: 100}))
		})
	}
}

// templates is a mailer that knows its templates.
type templates struct {
	*capture.Mailer
	known map[string]automation.TemplateInfo
	err   error
}

func (m templates) InspectTemplate(_ context.Context, id string) (automation.TemplateInfo, error) {
	if m.err != nil {
		return automation.TemplateInfo{}, m.err
	}
	info, ok := m.known[id]
	if !ok {
		return info, fmt.Errorf("template %q: %w", id, automation.ErrNotFound)
	}
	return info, nil
}

func TestValidateAutomation_AsksTheMailerForItsTemplates(t *testing.T) {
	t.Parallel()
	flow := linear("welcome", "signup", mailing("draft"), mailing("gone"), automation.Step{Key: "known", Config: automation.SendEmail{
		Template: automation.TemplateRef{ID: "known", Variables: map[string]automation.Value{"X": automation.String("x")}},
	}})
	mailer := templates{Mailer: capture.New(), known: map[string]automation.TemplateInfo{"draft": {}, "known": {Published: true}}}
	r, err := automation.New(memory.New(), mailer, automation.Options{})
	require.NoError(t, err)
	ps, err := r.ValidateAutomation(t.Context(), flow)
	require.NoError(t, err)
	var codes []automation.Code
	for _, p := range ps {
		assert.Equal(t, automation.SeverityWarning, p.Severity)
		codes = append(codes, p.Code)
	}
	assert.Equal(t, []automation.Code{
		automation.CodeUnpublishedTemplate, automation.CodeUnknownTemplate, automation.CodeUnknownTemplateField,
	}, codes)

	mailer.err = errOutage
	r, err = automation.New(memory.New(), mailer, automation.Options{})
	require.NoError(t, err)
	flow.Name = ""
	ps, err = r.ValidateAutomation(t.Context(), flow)
	require.ErrorIs(t, err, errOutage)
	assert.Equal(t, []string{"name"}, paths(ps), "what is known without asking")
}

func TestValidateAutomation_DoesWithoutAnInspector(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{Limits: automation.Limits{Steps: 2}})
	ps, err := r.ValidateAutomation(r.ctx, linear("welcome", "signup", mailing("gone")))
	require.NoError(t, err)
	assert.Empty(t, ps)
	ps, err = r.ValidateAutomation(r.ctx, linear("welcome", "signup", mailing("one"), mailing("two")))
	require.NoError(t, err)
	assert.Equal(t, automation.CodeLimit, ps[0].Code)
}

// A mistake of the store's is not taken for "there is none".
func TestApply_PassesOnTheStoresErrors(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	_, err := r.on(unfindable{r.store}, r.opts).Apply(r.ctx, linear("welcome", "signup", mailing("hello")))
	require.ErrorIs(t, err, errOutage)
	assert.False(t, errors.Is(err, automation.ErrNotFound))
}

type unfindable struct{ automation.Store }

func (unfindable) FindAutomation(context.Context, string) (automation.AutomationRecord, error) {
	return automation.AutomationRecord{}, errOutage
}
