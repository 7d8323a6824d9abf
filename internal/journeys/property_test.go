package journeys_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/store/memory"
)

// happening is one thing of a history.
type happening struct {
	What    string // an event's name, "pass", "cancel", "retry" or "delete"
	Person  string
	Cart    int
	Minutes int
	Run     int // which of the runs to cancel or retry
}

var genHappening = rapid.Custom(func(t *rapid.T) happening {
	return happening{
		What:    rapid.SampledFrom([]string{"cart.updated", "cart.updated", "cart.viewed", "order.paid", "order.paid", "pass", "pass", "cancel", "retry", "delete"}).Draw(t, "what"),
		Person:  rapid.SampledFrom([]string{"ada@example.com", "bob@example.com"}).Draw(t, "person"),
		Cart:    rapid.IntRange(1, 2).Draw(t, "cart"),
		Minutes: rapid.SampledFrom([]int{1, 30, 60, 600}).Draw(t, "minutes"),
		Run:     rapid.IntRange(0, 3).Draw(t, "run"),
	}
})

var genHistory = rapid.SliceOfN(genHappening, 1, 30)

// historyFlows are the automations of histories.
func historyFlows() []automation.Automation {
	restart := untilPaid(perCart(world.Flow("restart", "cart.updated", world.Email("hello"), world.Pause("rest", "1 hour"), world.Email("bye")), automation.ReentryRestart))
	ignore := perCart(world.Flow("ignore", "cart.updated", automation.Step{Key: "wait", Config: automation.WaitForAny{
		Events:  []automation.Listener{{EventName: "order.paid", Match: sameCart}},
		ResetOn: []automation.Listener{{EventName: "cart.updated", Match: sameCart}},
		Timeout: automation.MustParseDuration("2 hours"),
	}}, world.Email("lost")), automation.ReentryIgnore)
	ignore.Connections[len(ignore.Connections)-1].Type = automation.ConnectionTimeout
	ignore.Entry.Triggers = []automation.EntryTrigger{{EventName: "cart.viewed"}}
	ignore.Entry.Reentry.Limit, ignore.Entry.Reentry.Per = 3, automation.MustParseDuration("1 day")
	once := limited(world.Flow("once", "order.paid", world.Email("thanks"), tell("tell", "cart.viewed")), 1, "")
	return []automation.Automation{restart, ignore, once}
}

// historian plays a history.
type historian struct {
	t       require.TestingT
	ctx     context.Context
	clock   *world.PacedClock
	nodes   []*automation.Runner
	turn    int
	numbers map[string]string // of the events that the history sends, by id
	carts   map[string]int    // of those
	retried map[string]bool   // runs
	sends   []string
}

// SendEmail implements automation.Mailer. The emails of every fifth event are refused for good.
func (h *historian) SendEmail(_ context.Context, e automation.Email) (string, error) {
	if len(h.numbers)%5 == 0 && !h.retried[e.RunID] {
		return "", automation.Permanent(errors.New("no such template"))
	}
	h.sends = append(h.sends, fmt.Sprintf("%s %s %s %s", h.clock.Now().Format(time.TimeOnly), e.To, e.AutomationID, e.StepKey))
	return "id", nil
}

// playHistory returns what was sent and what became of the runs.
func playHistory(t require.TestingT, ctx context.Context, store automation.Store, nodes int, history []happening) (sends, runs []string) {
	h := &historian{t: t, ctx: ctx, clock: world.NewPacedClock(), numbers: map[string]string{}, carts: map[string]int{}, retried: map[string]bool{}}
	h.clock.Set(world.Start)
	for range nodes {
		r, err := automation.New(store, h, automation.Options{Clock: h.clock})
		require.NoError(t, err)
		h.nodes = append(h.nodes, r)
	}
	for _, a := range historyFlows() {
		_, err := h.nodes[0].CreateAutomation(ctx, a)
		require.NoError(t, err)
	}
	for _, what := range history {
		h.clock.Add(time.Microsecond) // events that nodes accept at one instant have no order among the nodes
		h.play(what)
		_, err := h.node().Drain(ctx)
		require.NoError(t, err)
		h.checkUnits()
	}
	for _, run := range h.runs() {
		runs = append(runs, fmt.Sprintf("%s %s %s", h.number(run), run.AutomationID, run.Status))
	}
	slices.Sort(h.sends)
	slices.Sort(runs)
	return h.sends, runs
}

// node returns the nodes in turn.
func (h *historian) node() *automation.Runner {
	h.turn++
	return h.nodes[h.turn%len(h.nodes)]
}

func (h *historian) play(what happening) {
	var err error
	switch what.What {
	case "pass":
		h.clock.Add(time.Duration(what.Minutes) * time.Minute)
	case "cancel":
		if run, ok := h.pick(automation.RunRunning, what.Run); ok {
			_, err = h.node().CancelRun(h.ctx, run.ID)
		}
	case "retry":
		if run, ok := h.pick(automation.RunFailed, what.Run); ok {
			h.retried[run.ID] = true
			_, err = h.node().RetryRun(h.ctx, run.ID)
		}
	case "delete":
		var c automation.Contact
		c, err = h.node().GetContact(h.ctx, automation.ContactRef{Email: what.Person})
		if err == nil {
			err = h.node().DeleteContact(h.ctx, c.ID)
		} else if errors.Is(err, automation.ErrNotFound) {
			err = nil
		}
	default:
		var receipts []automation.EventReceipt
		receipts, err = h.node().Send(h.ctx, automation.Event{Name: what.What, Email: what.Person, Payload: automation.Payload(cart(what.Cart))})
		require.NoError(h.t, err)
		h.numbers[receipts[0].ID] = fmt.Sprintf("%03d", len(h.numbers))
		h.carts[receipts[0].ID] = what.Cart
	}
	require.NoError(h.t, err)
}

// number returns the number of the event that started the run. An event that a run has sent has
// none.
func (h *historian) number(run automation.Run) string { return cmp.Or(h.numbers[run.EventID], "sent") }

// runs returns all runs in an order that does not depend on their ids.
func (h *historian) runs() []automation.Run {
	page, err := h.nodes[0].ListRuns(h.ctx, automation.RunQuery{PageQuery: automation.PageQuery{Limit: 100}})
	require.NoError(h.t, err)
	require.False(h.t, page.HasMore)
	slices.SortStableFunc(page.Data, func(a, b automation.Run) int {
		return cmp.Or(cmp.Compare(h.number(a), h.number(b)), cmp.Compare(a.AutomationID, b.AutomationID), cmp.Compare(a.ID, b.ID))
	})
	return page.Data
}

func (h *historian) pick(status automation.RunStatus, i int) (automation.Run, bool) {
	runs := slices.DeleteFunc(h.runs(), func(run automation.Run) bool { return run.Status != status || h.numbers[run.EventID] == "" })
	if len(runs) == 0 {
		return automation.Run{}, false
	}
	return runs[i%len(runs)], true
}

// checkUnits checks that at most one run of a unit is running, apart from those that were
// retried.
func (h *historian) checkUnits() {
	running := map[string]string{}
	for _, run := range h.runs() {
		if run.Status != automation.RunRunning || run.AutomationID == "once" || h.retried[run.ID] || h.numbers[run.EventID] == "" {
			continue
		}
		unit := fmt.Sprint(run.AutomationID, " ", run.ContactID, " ", h.carts[run.EventID])
		require.Empty(h.t, running[unit], "two runs of one unit are running")
		running[unit] = run.ID
	}
}

// On one node and on three, a history has the same sends, and no unit ever has two runs.
func TestHistory_IsTheSameOnAnyNumberOfNodes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		history := genHistory.Draw(rt, "history")
		sends, runs := playHistory(rt, t.Context(), memory.New(), 1, history)
		moreSends, moreRuns := playHistory(rt, t.Context(), memory.New(), 3, history)
		require.Equal(rt, sends, moreSends)
		require.Equal(rt, runs, moreRuns)
	})
}

// A few histories on every store.
func TestHistory_IsTheSameOnEveryStore(t *testing.T) {
	t.Parallel()
	sqlite, postgres := onSQLite(t), onPostgres(t)
	for seed := range 6 {
		history := genHistory.Example(seed)
		sends, runs := playHistory(t, t.Context(), memory.New(), 1, history)
		for name, s := range map[string]store{"sqlite": sqlite, "postgres": postgres} {
			otherSends, otherRuns := playHistory(t, t.Context(), s.empty(t), 3, history)
			require.Equal(t, sends, otherSends, name)
			require.Equal(t, runs, otherRuns, name)
		}
	}
}
