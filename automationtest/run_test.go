package automationtest_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/automationtest"
)

func TestRun_AssertionsHold(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.Send("user.created", ada, map[string]any{"plan": "pro"})
	run := h.Run(ada, "Welcome")
	run.AssertStatus(automation.RunRunning)
	run.AssertPath("start", "welcome", "wait")
	run.AssertWaiting("wait")
	run.AssertStep("tips", automation.StepPending)
	h.Send("setup.completed", ada, nil)
	run.AssertPath("start", "welcome", "wait", "is_pro", "tips", "to_customers")
	run.AssertBranch("start", automation.ConnectionDefault)
	run.AssertBranch("wait", automation.ConnectionEventReceived)
	run.AssertBranch("is_pro", automation.ConnectionConditionMet)
	run.AssertStep("nudge", automation.StepSkipped)
	run.AssertStatus(automation.RunCompleted)
}

func TestRun_AssertionsReportTheOutcome(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		check func(r *automationtest.Run)
		want  string
	}{
		"status": {
			func(r *automationtest.Run) { r.AssertStatus(automation.RunCompleted) },
			`the run is running at step "wait", want completed`,
		},
		"path": {
			func(r *automationtest.Run) { r.AssertPath("start", "nudge") },
			"path of the run:\n\tgot  start, welcome, wait\n\twant start, nudge",
		},
		"step": {
			func(r *automationtest.Run) { r.AssertStep("welcome", automation.StepSkipped) },
			`step "welcome" is completed, want skipped`,
		},
		"another branch": {
			func(r *automationtest.Run) { r.AssertBranch("welcome", automation.ConnectionTimeout) },
			`step "welcome" has taken the branch default, want timeout`,
		},
		"no branch": {
			func(r *automationtest.Run) { r.AssertBranch("wait", automation.ConnectionTimeout) },
			`step "wait" is waiting and has taken no branch, want timeout`,
		},
		"waiting": {
			func(r *automationtest.Run) { r.AssertWaiting("welcome") },
			`the run is running at step "wait", want it to wait at "welcome"`,
		},
		"failure": {
			func(r *automationtest.Run) { r.AssertFailed("welcome", automation.FailedEffect) },
			`the run is running at step "wait", want it to fail at "welcome" with effect_failed`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, log := reporting(t)
			h.Send("user.created", ada, nil)
			tt.check(h.Run(ada, "Welcome"))
			assert.Equal(t, "error: "+tt.want+"\n", log.String())
		})
	}
}

func TestRun_FailsAndIsRetried(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.Mailer.Respond = func(context.Context, automation.Email) error {
		return automation.Permanent(errors.New("no such template"))
	}
	h.Send("user.created", ada, nil)
	run := h.Run(ada, "Welcome")
	run.AssertFailed("welcome", automation.FailedPermanently)
	assert.Contains(t, h.Timeline(), "FAILED: no such template")

	h.Mailer.Respond = nil
	run.Retry()
	run.AssertWaiting("wait")
	assert.Contains(t, h.Timeline(), "is tried again")
	h.AssertEmails(ada, "welcome")
}

func TestRun_IsCancelled(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.Send("user.created", ada, nil)
	run := h.Run(ada, "Welcome")
	run.Cancel()
	run.AssertStatus(automation.RunCancelled)
	run.AssertStep("wait", automation.StepCancelled)
	h.AdvanceToEnd()
	h.AssertEmails(ada, "welcome")
}

func TestRuns_OldestFirstByAutomation(t *testing.T) {
	t.Parallel()
	other := automationtest.Load(t, "testdata/welcome.json", nil)
	other.ID, other.Name = "other-id", "Other"
	h := automationtest.New(t, automationtest.Options{}, automationtest.Load(t, "testdata/welcome.json", nil), other)
	h.Send("user.created", ada, nil)
	h.Advance(day)
	h.Send("user.created", strings.ToUpper(ada), nil)

	assert.Len(t, h.Runs(ada, ""), 4)
	welcome := h.Runs(ada, "Welcome")
	require.Len(t, welcome, 2)
	assert.True(t, welcome[0].Get().CreatedAt.Before(welcome[1].Get().CreatedAt))
	assert.Equal(t, welcome[1].ID, h.Run(ada, "Welcome").ID, "the latest")
	assert.Equal(t, h.Runs(ada, "Other"), h.Runs(ada, "other-id"))
}

func TestRuns_MoreThanAPage(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for range 101 {
		h.Send("user.created", ada, nil)
	}
	assert.Len(t, h.Runs(ada, "Welcome"), 101)
}

func TestAssertNoRuns(t *testing.T) {
	t.Parallel()
	h, log := reporting(t)
	h.Send("something.else", ada, nil)
	h.AssertNoRuns(ada)
	assert.Empty(t, log.String())
	h.Send("user.created", ada, nil)
	h.AssertNoRuns(ada)
	assert.Equal(t, `error: ada@example.com has a run of "Welcome", which is running; it should have none`+"\n", log.String())
}
