package sqlitefile_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// restored is a World whose nodes work on a file, and on a copy of it from before the last
// hour.
type restored struct {
	*world.World
	before, after *sqlitefile.Store
	lost          automation.EventReceipt // of an event that only the original has
}

// restore makes a copy while a run sleeps. Within the hour after that, the run sends an
// email, its contact unsubscribes, another event comes, and an operator stops the
// automation.
func restore(t *testing.T, opts automation.Options) *restored {
	t.Helper()
	folder := t.TempDir()
	r := &restored{World: world.New(t, opts), before: open(t, filepath.Join(folder, "automation.db"))}
	node := r.On(r.before, r.Opts)
	_, err := node.Apply(t.Context(), world.Flow("welcome", "signup", world.Pause("pause", "1 hour"), world.Email("tips"), world.Pause("rest", "1 day"), world.Email("last")))
	require.NoError(t, err)
	_, err = node.Send(t.Context(), world.Signup("ada@example.com"))
	require.NoError(t, err)
	r.drain(node)

	backup := filepath.Join(folder, "backup.db")
	_, err = r.before.DB().ExecContext(t.Context(), "VACUUM INTO ?", backup)
	require.NoError(t, err)

	r.Clock.Add(time.Hour)
	r.drain(node)
	require.Equal(t, []string{"tips"}, r.Sent())
	yes := true
	_, err = node.UpdateContact(t.Context(), r.ada(node).ID, automation.ContactChange{Unsubscribed: &yes})
	require.NoError(t, err)
	receipts, err := node.Send(t.Context(), world.Signup("grace@example.com"))
	require.NoError(t, err)
	r.lost = receipts[0]
	_, err = node.StopAutomation(t.Context(), "welcome", automation.StopOptions{})
	require.NoError(t, err)
	require.NoError(t, r.before.Close())
	r.after = open(t, backup)
	return r
}

func (r *restored) drain(node *automation.Runner) {
	r.T.Helper()
	_, err := node.Drain(r.T.Context())
	require.NoError(r.T, err)
}

func (r *restored) ada(node *automation.Runner) automation.Contact {
	r.T.Helper()
	c, err := node.GetContact(r.T.Context(), automation.ContactRef{Email: "ada@example.com"})
	require.NoError(r.T, err)
	return c
}

func TestRestore_SendsAgainWithTheSameKey(t *testing.T) {
	t.Parallel()
	r := restore(t, automation.Options{})
	var again []string
	r.Mailer.Respond = func(_ context.Context, e automation.Email) error {
		again = append(again, e.IdempotencyKey)
		return nil
	}
	r.drain(r.On(r.after, r.Opts))
	assert.Equal(t, []string{r.Mailer.Emails()[0].IdempotencyKey}, again)
	assert.Len(t, r.Sent(), 1, "a mailer that honours keys sends nothing")
}

func TestRestore_MaxLatenessSkipsWhatWasDueBefore(t *testing.T) {
	t.Parallel()
	r := restore(t, automation.Options{MaxLateness: 30 * time.Minute})
	node := r.On(r.after, r.Opts)
	r.Clock.Add(time.Hour)
	r.drain(node)
	require.Equal(t, []string{"tips"}, r.Sent(), "not again")
	r.Clock.Add(24 * time.Hour)
	r.drain(node)
	assert.Equal(t, []string{"tips", "last"}, r.Sent())
}

func TestRestore_LosesWhatCameAfterTheBackup(t *testing.T) {
	t.Parallel()
	r := restore(t, automation.Options{})
	node := r.On(r.after, r.Opts)
	_, err := node.GetEvent(t.Context(), r.lost.ID)
	require.ErrorIs(t, err, automation.ErrNotFound)
	assert.False(t, r.ada(node).Unsubscribed)
	a, err := node.GetAutomation(t.Context(), "welcome")
	require.NoError(t, err)
	assert.Equal(t, automation.StatusEnabled, a.Status)
}

// An operator has time to choose what goes on while no node runs.
func TestRestore_SendsNothingThatWasCancelledBeforeTheFirstNode(t *testing.T) {
	t.Parallel()
	r := restore(t, automation.Options{})
	node := r.On(r.after, r.Opts)
	_, err := node.StopAutomation(t.Context(), "welcome", automation.StopOptions{CancelRuns: true})
	require.NoError(t, err)
	r.drain(node)
	assert.Equal(t, []string{"tips"}, r.Sent(), "not again")
}
