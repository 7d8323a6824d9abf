package scenario_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

func TestCreateAutomation_ReturnsWhatIsStored(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	given := world.Flow("", "signup", world.Email("hello"))
	given.Name, given.Status, given.Version, given.Revision = "Welcome", "", 7, 7
	a := w.Create(given)
	assert.NotEmpty(t, a.ID)
	assert.Equal(t, automation.StatusEnabled, a.Status)
	assert.Equal(t, 1, a.Version)
	assert.Equal(t, 1, a.Revision)
	assert.Equal(t, world.Start, a.CreatedAt)
	assert.Equal(t, world.Start, a.UpdatedAt)
	assert.Equal(t, given.Steps, a.Steps)

	read, err := w.GetAutomation(w.Ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, a, read)
}

func TestCreateAutomation_IDThatIsTakenConflicts(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	_, err := w.CreateAutomation(w.Ctx, world.Flow("welcome", "other", world.Email("tips")))
	require.ErrorIs(t, err, automation.ErrConflict)
	a, err := w.GetAutomation(w.Ctx, "welcome")
	require.NoError(t, err)
	assert.Equal(t, world.Email("hello"), a.Steps[1])
}

func TestCreateAutomation_ListsEveryProblemAndStoresNothing(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	_, err := w.CreateAutomation(w.Ctx, automation.Automation{ID: "bad", Status: "paused", Steps: []automation.Step{
		{Key: "start", Config: automation.Trigger{}}, {Key: "rest", Config: automation.Delay{}},
	}})
	assert.Subset(t, world.Paths(world.Problems(t, err)), []string{"name", "status", "steps[0].config.event_name", "steps[1].config.duration"})
	_, err = w.GetAutomation(w.Ctx, "bad")
	assert.ErrorIs(t, err, automation.ErrNotFound)
}

func TestUpdateAutomation_ChangesWhatIsGiven(t *testing.T) {
	t.Parallel()
	name, disabled := "Renamed", automation.StatusDisabled
	steps := world.Flow("", "signup", world.Email("tips"))
	tests := map[string]struct {
		update automation.AutomationUpdate
		want   func(a *automation.Automation)
	}{
		"name": {automation.AutomationUpdate{Name: &name}, func(a *automation.Automation) { a.Name = name }},
		"status": {automation.AutomationUpdate{Status: &disabled}, func(a *automation.Automation) {
			a.Status, a.StoppedAt = disabled, world.Start.Add(time.Hour)
		}},
		"graph": {automation.AutomationUpdate{Steps: steps.Steps, Connections: steps.Connections}, func(a *automation.Automation) {
			a.Version, a.Steps = 2, steps.Steps
			a.Connections = []automation.Connection{{From: "start", To: "tips", Type: automation.ConnectionDefault}}
		}},
		"name, at its revision": {automation.AutomationUpdate{Name: &name, Revision: 1}, func(a *automation.Automation) { a.Name = name }},
	}
	for label, tt := range tests {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			want := w.Create(world.Flow("welcome", "signup", world.Email("hello")))
			w.Clock.Add(time.Hour)
			got, err := w.UpdateAutomation(w.Ctx, "welcome", tt.update)
			require.NoError(t, err)
			tt.want(&want)
			want.Revision, want.UpdatedAt = 2, world.Start.Add(time.Hour)
			for i := range want.Connections {
				want.Connections[i].Type = got.Connections[i].Type
			}
			assert.Equal(t, want, got)
			read, err := w.GetAutomation(w.Ctx, "welcome")
			require.NoError(t, err)
			assert.Equal(t, got, read)
		})
	}
}

func TestUpdateAutomation_RefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	empty, odd := "", automation.Status("paused")
	graph := world.Flow("", "signup", world.Email("hello"))
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
			w := world.New(t, automation.Options{})
			a := w.Create(world.Flow("welcome", "signup", world.Email("hello")))
			_, err := w.UpdateAutomation(w.Ctx, "welcome", tt.update)
			assert.Equal(t, []string{tt.path}, world.Paths(world.Problems(t, err)))
			read, err := w.GetAutomation(w.Ctx, "welcome")
			require.NoError(t, err)
			assert.Equal(t, a, read)
		})
	}
}

func TestUpdateAutomation_OlderRevisionConflicts(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	one, two := "One", "Two"
	_, err := w.UpdateAutomation(w.Ctx, "welcome", automation.AutomationUpdate{Name: &one, Revision: 1})
	require.NoError(t, err)
	_, err = w.UpdateAutomation(w.Ctx, "welcome", automation.AutomationUpdate{Name: &two, Revision: 1})
	require.ErrorIs(t, err, automation.ErrConflict)
	a, err := w.GetAutomation(w.Ctx, "welcome")
	require.NoError(t, err)
	assert.Equal(t, one, a.Name)
}

func TestUpdateAutomation_OfTwoAtOnceTheSecondConflicts(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	one, two := "One", "Two"
	graph := world.Flow("", "other", world.Email("tips"))
	second := &world.Store{Store: w.Memory}
	var once sync.Once // the first update comes between the second one's read and its write
	second.OnFindAutomation = func(ctx context.Context, next automation.Store, id string) (automation.AutomationRecord, error) {
		a, err := next.FindAutomation(ctx, id)
		once.Do(func() {
			_, err := w.UpdateAutomation(w.Ctx, "welcome", automation.AutomationUpdate{Name: &one})
			assert.NoError(t, err)
		})
		return a, err
	}
	_, err := w.On(second, w.Opts).UpdateAutomation(w.Ctx, "welcome", automation.AutomationUpdate{
		Name: &two, Steps: graph.Steps, Connections: graph.Connections,
	})
	require.ErrorIs(t, err, automation.ErrConflict)
	a, err := w.GetAutomation(w.Ctx, "welcome")
	require.NoError(t, err)
	assert.Equal(t, one, a.Name)
	assert.Equal(t, 1, a.Version, "nothing of the second is applied")
}

func TestStopAutomation_StartsNothingMore(t *testing.T) {
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
			w := world.New(t, automation.Options{})
			w.Create(world.Flow("welcome", "signup", world.Pause("rest", "1 day"), world.Email("hello")))
			w.Send(world.Signup("ada@example.com"))
			w.Drain()
			w.Send(world.Signup("bob@example.com"))
			for range 2 { // to stop a stopped automation is no error
				a, err := w.StopAutomation(w.Ctx, "welcome", tt.opts)
				require.NoError(t, err)
				assert.Equal(t, automation.StatusDisabled, a.Status)
				assert.Equal(t, 2, a.Revision)
				assert.Equal(t, 1, a.Version)
			}
			w.Drain()
			w.Pass(24 * time.Hour)
			run := w.Run()
			assert.Equal(t, tt.status, run.Status)
			assert.Equal(t, tt.sent, w.Sent())
			if tt.opts.CancelRuns {
				assert.Equal(t, automation.CancelledByRequest, run.Error.Code)
			}
		})
	}
}

func TestDuplicateAutomation_IsADisabledCopy(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	a := w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	name := "Welcome"
	a, err := w.UpdateAutomation(w.Ctx, a.ID, automation.AutomationUpdate{Name: &name})
	require.NoError(t, err)
	c, err := w.DuplicateAutomation(w.Ctx, a.ID)
	require.NoError(t, err)
	assert.NotEqual(t, a.ID, c.ID)
	assert.Equal(t, "Welcome (Copy)", c.Name)
	assert.Equal(t, automation.StatusDisabled, c.Status)
	assert.Equal(t, []int{1, 1}, []int{c.Version, c.Revision})
	assert.Equal(t, a.Steps, c.Steps)
	assert.Equal(t, a.Connections, c.Connections)
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	assert.Equal(t, a.ID, w.Run().AutomationID)
}

func TestDeleteAutomation_CancelsRunsAndKeepsThemReadable(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello"), world.Pause("rest", "1 day"), world.Email("tips")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	require.NoError(t, w.DeleteAutomation(w.Ctx, "welcome"))
	w.Send(world.Signup("bob@example.com"))
	w.Drain()
	run := w.Run()
	assert.Equal(t, automation.RunCancelled, run.Status)
	assert.Equal(t, automation.StepCompleted, world.Step(t, run, "hello").Status)
	assert.Equal(t, automation.StepCancelled, world.Step(t, run, "rest").Status)
	_, err := w.GetAutomation(w.Ctx, "welcome")
	require.ErrorIs(t, err, automation.ErrNotFound)
	page, err := w.ListAutomations(w.Ctx, automation.AutomationQuery{})
	require.NoError(t, err)
	assert.Empty(t, page.Data)
}

func TestManage_UnknownAutomationIsNotFound(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	name := "x"
	calls := map[string]func() error{
		"get": func() error { _, err := w.GetAutomation(w.Ctx, "nope"); return err },
		"update": func() error {
			_, err := w.UpdateAutomation(w.Ctx, "nope", automation.AutomationUpdate{Name: &name})
			return err
		},
		"stop": func() error {
			_, err := w.StopAutomation(w.Ctx, "nope", automation.StopOptions{CancelRuns: true})
			return err
		},
		"duplicate": func() error { _, err := w.DuplicateAutomation(w.Ctx, "nope"); return err },
		"delete":    func() error { return w.DeleteAutomation(w.Ctx, "nope") },
	}
	for label, call := range calls {
		err := call()
		require.ErrorIs(t, err, automation.ErrNotFound, label)
		assert.Contains(t, err.Error(), `"nope"`, label)
	}
}

// templates is a mailer with the optional interface automation.TemplateInspector.
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

func TestValidateAutomation_InspectsTheMailersTemplates(t *testing.T) {
	t.Parallel()
	flow := world.Flow("welcome", "signup", world.Email("draft"), world.Email("gone"), automation.Step{Key: "known", Config: automation.SendEmail{
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

	mailer.err = world.ErrOutage
	r, err = automation.New(memory.New(), mailer, automation.Options{})
	require.NoError(t, err)
	flow.Name = ""
	ps, err = r.ValidateAutomation(t.Context(), flow)
	require.ErrorIs(t, err, world.ErrOutage)
	assert.Equal(t, []string{"name"}, world.Paths(ps), "what is known without asking")
}

func TestValidateAutomation_DoesWithoutAnInspector(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{Limits: automation.Limits{Steps: 2}})
	ps, err := w.ValidateAutomation(w.Ctx, world.Flow("welcome", "signup", world.Email("gone")))
	require.NoError(t, err)
	assert.Empty(t, ps)
	ps, err = w.ValidateAutomation(w.Ctx, world.Flow("welcome", "signup", world.Email("one"), world.Email("two")))
	require.NoError(t, err)
	assert.Equal(t, automation.CodeLimit, ps[0].Code)
}
