package record_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestNeedsContact(t *testing.T) {
	t.Parallel()
	runs := func(status automation.RunStatus) []automation.RunChange {
		return []automation.RunChange{{RunRecord: automation.RunRecord{Status: status}}}
	}
	id := automation.ContactRef{ID: "c"}
	for name, c := range map[string]struct {
		t    automation.Transition
		want bool
	}{
		"an email":          {automation.Transition{Key: automation.ContactRef{Email: "a@example.com"}, Delete: true}, false},
		"the lease ends":    {automation.Transition{Key: id, Release: true}, false},
		"all runs end":      {automation.Transition{Key: id, Release: true, Runs: runs(automation.RunCompleted)}, false},
		"a run goes on":     {automation.Transition{Key: id, Release: true, Runs: runs(automation.RunRunning)}, true},
		"a change":          {automation.Transition{Key: id, Release: true, Change: &automation.ContactChange{}}, true},
		"a deletion":        {automation.Transition{Key: id, Release: true, Delete: true}, true},
		"the lease goes on": {automation.Transition{Key: id}, true},
	} {
		assert.Equal(t, c.want, record.NeedsContact(&c.t), name)
	}
}

func TestFitsInLease(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(t *automation.Transition, r *automation.RunChange)
		want   bool
	}{
		"due now":           {func(*automation.Transition, *automation.RunChange) {}, true},
		"sleeps":            {func(_ *automation.Transition, r *automation.RunChange) { r.DueAt = now.Add(1) }, false},
		"is due by no time": {func(_ *automation.Transition, r *automation.RunChange) { r.DueAt = time.Time{} }, false},
		"listens":           {func(_ *automation.Transition, r *automation.RunChange) { r.Listens = []string{"e"} }, true},
		"has ended":         {func(_ *automation.Transition, r *automation.RunChange) { r.Status = automation.RunFailed }, false},
		"is set aside":      {func(_ *automation.Transition, r *automation.RunChange) { r.DecodeFailures = 1 }, false},
		"the lease ends":    {func(t *automation.Transition, _ *automation.RunChange) { t.Release = true }, false},
	} {
		tr := automation.Transition{Now: now}
		r := automation.RunChange{RunRecord: automation.RunRecord{Status: automation.RunRunning, DueAt: now}}
		c.change(&tr, &r)
		assert.Equal(t, c.want, record.FitsInLease(&tr, &r), name)
	}
}

func TestDueBy(t *testing.T) {
	t.Parallel()
	later := now.Add(time.Second)
	assert.Equal(t, now, record.DueBy(time.Time{}, now))
	assert.Equal(t, now, record.DueBy(later, now))
	assert.Equal(t, now, record.DueBy(now, later))
}

func TestMatchesDefinition(t *testing.T) {
	t.Parallel()
	n := automation.NewEvent{Event: automation.Event{Name: "a"}, Schema: "{}"}
	assert.True(t, record.MatchesDefinition(&n, &automation.EventDefinition{Name: "a", Schema: []byte("{}")}))
	assert.False(t, record.MatchesDefinition(&n, &automation.EventDefinition{Name: "a"}))
	assert.False(t, record.MatchesDefinition(&n, &automation.EventDefinition{ID: "a", Name: "b", Schema: []byte("{}")}), "found by its id")
	assert.False(t, record.MatchesDefinition(&n, nil))
	n.Schema = ""
	assert.True(t, record.MatchesDefinition(&n, nil))
	assert.True(t, record.MatchesDefinition(&n, &automation.EventDefinition{ID: "a", Name: "b", Schema: []byte("{}")}), "found by its id")
}
