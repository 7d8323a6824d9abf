package record_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

func projectedRun(id, event string) automation.RunChange {
	return automation.RunChange{RunRecord: automation.RunRecord{
		ID: id, AutomationID: "a", Version: 2, ContactID: "c", EventID: event, EventName: "started", Status: automation.RunRunning, CreatedAt: now,
	}}
}

func TestCatalogOf_AnEventIsLooseUnlessARunShowsWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	event := automation.ProjectedEvent{Event: automation.Event{ID: "e", ContactID: "c"}, HandledAt: now}
	for name, c := range map[string]struct {
		change func(e *automation.ProjectedEvent)
		want   bool
	}{
		"starts a run":                {func(*automation.ProjectedEvent) {}, false},
		"resumes another":             {func(e *automation.ProjectedEvent) { e.Resumed = []string{"r"} }, true},
		"has a reason":                {func(e *automation.ProjectedEvent) { e.Reason = automation.ReasonNoMatch }, true},
		"was handled at another time": {func(e *automation.ProjectedEvent) { e.HandledAt = now.Add(time.Second) }, true},
		"is not the event of the run": {func(e *automation.ProjectedEvent) { e.Event.ID = "other" }, true},
	} {
		e := event
		c.change(&e)
		catalog := record.CatalogOf(&automation.Projection{Events: []automation.ProjectedEvent{e}, Runs: []automation.RunChange{projectedRun("r", "e")}})
		assert.Equal(t, c.want, catalog.Events[0].Loose, name)
	}
}

func TestCatalogOf_AnEventForAnEmailBelongsToTheContactOfItsRun(t *testing.T) {
	t.Parallel()
	events := []automation.ProjectedEvent{
		{Event: automation.Event{ID: "e", Email: "ada@example.com"}, HandledAt: now},
		{Event: automation.Event{ID: "f", Email: "ada@example.com"}, HandledAt: now},
	}
	catalog := record.CatalogOf(&automation.Projection{Events: events, Runs: []automation.RunChange{projectedRun("r", "e")}})
	assert.Equal(t, automation.Event{ID: "e", ContactID: "c"}, catalog.Events[0].Event)
	assert.Equal(t, events[1].Event, catalog.Events[1].Event)
	assert.Equal(t, "ada@example.com", events[0].Event.Email, "that of the caller")
}

func TestCatalogOf_MakesUpTheEventsThatRunsName(t *testing.T) {
	t.Parallel()
	early, late := "019ca944-0e63-7000-8000-000000000007", "01b8dac5-b400-7000-8000-000000000007"
	runs := []automation.RunChange{projectedRun("r", early), projectedRun("s", late), projectedRun("t", early), projectedRun("u", "no uuid"), projectedRun("v", "")}
	catalog := record.CatalogOf(&automation.Projection{Runs: runs})
	require.Len(t, catalog.Events, 3)
	for i, at := range []time.Time{time.UnixMilli(0x019ca9440e63).UTC(), now, now} {
		e := catalog.Events[i]
		assert.Equal(t, []string{"started", "c"}, []string{e.Event.Name, e.Event.ContactID})
		assert.Equal(t, at, e.Event.AcceptedAt, e.Event.ID)
		assert.Equal(t, now, e.HandledAt)
		assert.False(t, e.Loose)
	}
	assert.Equal(t, []record.CatalogAutomation{{ID: "a", Version: 2, At: now}}, catalog.Automations)
}

func TestCatalogOf_ARunThatIsThereTwiceIsAsItIsLast(t *testing.T) {
	t.Parallel()
	out := func(step int, text string) automation.StepOutput {
		return automation.StepOutput{Step: step, Output: []byte(text)}
	}
	first, second, third := projectedRun("r", ""), projectedRun("r", ""), projectedRun("r", "")
	first.Outputs, first.DropOutputs = []automation.StepOutput{out(1, "one"), out(2, "two")}, true
	second.Outputs, second.Step = []automation.StepOutput{out(2, "again")}, "last"
	catalog := record.CatalogOf(&automation.Projection{Runs: []automation.RunChange{first, projectedRun("s", ""), second}})
	require.Len(t, catalog.Runs, 2)
	assert.Equal(t, "last", catalog.Runs[0].Step)
	assert.True(t, catalog.Runs[0].DropOutputs)
	assert.Equal(t, []automation.StepOutput{out(1, "one"), out(2, "again")}, catalog.Runs[0].Outputs)
	assert.Equal(t, []automation.StepOutput{out(1, "one"), out(2, "two")}, first.Outputs, "those of the caller")

	third.DropOutputs = true
	catalog = record.CatalogOf(&automation.Projection{Runs: []automation.RunChange{first, third}})
	assert.Empty(t, catalog.Runs[0].Outputs)
	assert.True(t, catalog.Runs[0].DropOutputs)
}
