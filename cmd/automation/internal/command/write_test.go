package command_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestCancel_IsAppliedByTheApplication(t *testing.T) {
	onEach(t, func(t *testing.T, s *scene) {
		id, custom, ended := s.run("welcome", "ada@example.com"), s.run("sales", "ada@example.com"), s.run("welcome", "cy@example.com")

		assertGolden(t, "cancel", s.do("cancel", id, custom, ended))
		assert.Equal(t, automation.RunRunning, s.status(id), "the tool only records the request")
		s.drain()
		assert.Equal(t, automation.RunCancelled, s.status(id))
		assert.Equal(t, automation.RunCancelled, s.status(custom), "of a step type that the tool does not know")
		assert.Equal(t, automation.RunCompleted, s.status(ended))
		assertGolden(t, "cancel_again", s.do("cancel", id, "--json"))
		assertGolden(t, "cancel_missing", s.do("cancel", "01a0f755-0000-7187-bece-6d37b35978d5"))
	})
}

func TestCancel_ByFilter(t *testing.T) {
	onEach(t, func(t *testing.T, s *scene) {
		id, custom := s.run("welcome", "ada@example.com"), s.run("sales", "ada@example.com")
		assertGolden(t, "cancel_many_dry", s.do("cancel", "--contact", "ada@example.com", "--dry-run"))
		assertGolden(t, "cancel_many_dry_json", s.do("cancel", "--all", "--dry-run", "--json"))
		s.drain()
		assert.Equal(t, automation.RunRunning, s.status(id), "a dry run changes nothing")

		assertGolden(t, "cancel_many_max", s.do("cancel", "--contact", "ada", "--max", "1"))
		assertGolden(t, "cancel_many_after", s.do("cancel", "--contact", "ada", "--after", custom, "--json"))
		s.drain()
		assert.Equal(t, automation.RunCancelled, s.status(id))
		assert.Equal(t, automation.RunCancelled, s.status(custom))
		assertGolden(t, "cancel_many_none", s.do("cancel", "--automation", "sales"))
	})
}

func TestRetry_IsAppliedByTheApplication(t *testing.T) {
	onEach(t, func(t *testing.T, s *scene) {
		id := s.run("welcome", "bob@example.com")
		assertGolden(t, "retry_dry", s.do("retry", "--automation", "welcome", "--dry-run"))
		assertGolden(t, "retry_completed", s.do("retry", s.run("welcome", "cy@example.com")))
		assertGolden(t, "retry", s.do("retry", id))
		assert.Equal(t, automation.RunFailed, s.status(id))
		s.Mailer.Respond = nil
		s.drain()
		assert.Equal(t, automation.RunRunning, s.status(id), "the run has continued")
		assertGolden(t, "retry_again", s.do("retry", id))
	})
}

// After an outage those runs are retried that failed in it, whenever they began.
func TestRetry_ByTheTimeOfTheFailure(t *testing.T) {
	onEach(t, func(t *testing.T, s *scene) {
		id := s.run("welcome", "ada@example.com")
		outage := s.Clock.Now().Add(24 * time.Hour)
		s.Mailer.Respond = func(context.Context, automation.Email) error { return automation.Permanent(world.ErrOutage) }
		s.pass(48 * time.Hour) // ada's wait times out, and the nudge fails
		require.Equal(t, automation.RunFailed, s.status(id))

		between := []string{"--ended-since", outage.Format(time.RFC3339), "--ended-until", s.Clock.Now().Add(time.Second).Format(time.RFC3339)}
		assertGolden(t, "runs_of_outage", s.do(append([]string{"runs", "--limit", "1"}, between...)...))
		assertGolden(t, "retry_outage_dry", s.do(append([]string{"retry", "--dry-run"}, between...)...))
		assertGolden(t, "retry_outage", s.do(append([]string{"retry", "--json"}, between...)...))
		s.Mailer.Respond = nil
		s.drain()
		assert.Equal(t, automation.RunCompleted, s.status(id))
		assert.Equal(t, automation.RunFailed, s.status(s.run("welcome", "bob@example.com")), "it failed before the outage")
	})
}

func TestStop_WinsUntilStart(t *testing.T) {
	onEach(t, func(t *testing.T, s *scene) {
		id := s.run("welcome", "ada@example.com")
		assertGolden(t, "stop", s.do("stop", "welcome"))
		s.drain()
		assert.Equal(t, automation.RunRunning, s.status(id), "runs go on")
		applied, err := s.app.Apply(s.Ctx, welcome)
		require.NoError(t, err)
		assert.Equal(t, automation.ApplyLeftStopped, applied.Outcome, "the application does not overrule the operator")
		assertGolden(t, "automations_stopped", s.do("automations"))

		assertGolden(t, "stop_and_cancel", s.do("stop", "welcome", "--cancel-runs"))
		s.drain()
		assert.Equal(t, automation.RunCancelled, s.status(id))
		assertGolden(t, "stop_json", s.do("stop", "sales", "--json"))
		assertGolden(t, "stop_missing", s.do("stop", "goodbye"))

		assertGolden(t, "start", s.do("start", "welcome"))
		assertGolden(t, "start_json", s.do("start", "sales", "--json"))
		a, err := s.app.GetAutomation(s.Ctx, "sales")
		require.NoError(t, err)
		assert.Equal(t, automation.StatusEnabled, a.Status, "with a step type that the tool does not know")
		assert.Equal(t, slack{Channel: "orders"}, a.Steps[1].Config)
	})
}

func TestPrune_RemovesWhatTheDryRunCounts(t *testing.T) {
	onEach(t, func(t *testing.T, s *scene) {
		s.drain()
		s.send("nothing.listens", "dan@example.com", nil)
		s.pass(30 * 24 * time.Hour)
		assertGolden(t, "prune_dry", s.do("prune", "--older-than", "29d", "--dry-run"))
		assertGolden(t, "prune_dry_json", s.do("prune", "--older-than", "1 week", "--dry-run", "--json"))
		assertGolden(t, "prune", s.do("prune", "--older-than", "29d"))
		assertGolden(t, "prune_again", s.do("prune", "--older-than", "29d", "--json"))
	})
}

// Many runs are handled page by page. People see how far the tool is.
func TestCancel_ManyPages(t *testing.T) {
	t.Parallel()
	url, store := databases["sqlite"](t)
	s := newScene(t, url, store)
	_, err := s.app.Send(s.Ctx, world.Signups(205)...)
	require.NoError(t, err)
	s.drain()
	r := s.do("cancel", "--automation", "welcome", "--max", "150")
	assert.Contains(t, r.stdout, "Asked to cancel 150 runs.\nTo go on: --after ")
	assert.Regexp(t, "^100 runs so far, up to \\S+\n$", r.stderr)
	s.drain()
	r = s.do("cancel", "--automation", "welcome")
	assert.Contains(t, r.stdout, "Asked to cancel 57 runs.") // with ada's and dan's
	assert.Empty(t, r.stderr)
	s.drain()
	assert.Equal(t, "There is no running run that the flags select.\n", s.do("cancel", "--automation", "welcome").stdout)
	assert.Equal(t, 207, strings.Count(s.do("runs", "--status", "cancelled", "--limit", "1000").stdout, "cancelled on request\n"))
}

func TestStart_NamesTheWayBackOfWhatWasDeleted(t *testing.T) {
	onEach(t, func(t *testing.T, s *scene) {
		require.NoError(t, s.app.DeleteAutomation(s.Ctx, "sales"))
		r := s.do("start", "sales")
		assert.Equal(t, 1, r.status)
		assert.Equal(t, "automation start: sales was deleted: the application creates it again if it calls Apply with Restart, "+
			"once its runs are pruned\n", r.stderr)
	})
}
