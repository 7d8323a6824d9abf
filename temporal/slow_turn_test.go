package temporal_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/temporal"
)

// TestTurn_FollowsOneThatIsInTheHistory has a turn that takes so long that the SDK asks for another
// workflow task meanwhile, which brings another event. If the next turn began at once, it would
// bring the copies of the first one to the catalog. That one would be lost if the task failed, and
// its events would count as handled.
func TestTurn_FollowsOneThatIsInTheHistory(t *testing.T) {
	t.Parallel()
	c := startServer(t).connect(t)
	catalog := &unreliable{Store: memory.New()}
	store, err := temporal.New(t.Context(), c, catalog, temporal.Options{})
	require.NoError(t, err)
	mailer := capture.New()
	runner, err := automation.New(store, mailer, automation.Options{})
	require.NoError(t, err)
	n := &node{Runner: runner, t: t, client: c, store: store, mailer: mailer}
	_, err = n.CreateAutomation(t.Context(), flow(email("hello")))
	require.NoError(t, err)
	contact, err := n.CreateContact(t.Context(), automation.Contact{Email: "ada@example.com"})
	require.NoError(t, err)
	send := func() {
		_, err := n.Send(t.Context(), automation.Event{Name: "signup", ContactID: contact.ID})
		assert.NoError(t, err)
	}
	count := func(kind enums.EventType) (events int) {
		for _, e := range n.history(store.IDOf(automation.ContactRef{ID: contact.ID}), "").Events {
			if e.GetEventType() == kind {
				events++
			}
		}
		return events
	}
	send()
	var read atomic.Bool
	second := func() { // by the first effect, or by a turn that has come too early
		read.Store(true)
		assert.Equal(t, 1, count(enums.EVENT_TYPE_MARKER_RECORDED), "the first turn is in the history")
	}
	first := func() {
		send()
		for count(enums.EVENT_TYPE_WORKFLOW_TASK_STARTED) < 2 {
			time.Sleep(100 * time.Millisecond) // the server decides when
		}
		catalog.during.Store(&second)
	}
	catalog.during.Store(&first)
	n.work()
	n.eventually(func() bool { return completed(t, n.Runner) == 2 }, "both runs end")
	assert.True(t, read.Load())
}
