package jetstream_test

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream"
)

// traffic are events that keep coming to a cluster while it has faults.
type traffic struct {
	*cluster
	runner  *automation.Runner
	count   atomic.Int64 // accepted events
	failed  atomic.Int64 // calls of Send that failed, because the servers were unavailable
	stop    chan struct{}
	senders sync.WaitGroup

	mu       sync.Mutex
	accepted map[string]sentEvent // by the id of the event
}

// sentEvent is the n-th event of a contact.
type sentEvent struct {
	name, email string
	n           int
}

// trafficFlow has an email before and behind a pause, which an event can end, and which ends by
// itself. Both emails have the number of their event, and the number that the contact has: the
// latter is never lower if the events of a contact are handled in their order.
func trafficFlow() automation.Automation {
	mark := automation.Step{Key: "mark", Config: automation.ContactUpdate{Properties: map[string]automation.Value{"last": automation.Var("event.n")}}}
	numbered := func(key string) automation.Step {
		return automation.Step{Key: key, Config: automation.SendEmail{Template: automation.TemplateRef{ID: key, Variables: map[string]automation.Value{
			"N": automation.Var("event.n"), "LAST": automation.Var("contact.properties.last"),
		}}}}
	}
	rest := automation.Step{Key: "rest", Config: automation.WaitForEvent{EventName: "hurry", Timeout: automation.DurationOf(time.Second)}}
	return flow(mark, numbered("hello"), rest, numbered("tips"))
}

// The events of a few contacts come at the same time. Each contact has some runs at the same time.
const (
	senders        = 4
	runsOfAContact = 5
	betweenEvents  = 10 * time.Millisecond // of each sender
)

// unanswered is the name of an event whose sender has no answer: it may have been accepted.
const unanswered = "unanswered"

// begin creates the flow, and sends events until halt.
func begin(c *cluster, runner *automation.Runner) *traffic {
	t := &traffic{cluster: c, runner: runner, stop: make(chan struct{}), accepted: map[string]sentEvent{}}
	_, err := runner.CreateAutomation(c.Context(), trafficFlow())
	require.NoError(c, err)
	for i := range senders {
		t.senders.Go(func() { t.sendAll(i) })
	}
	c.Cleanup(t.halt)
	return t
}

func (t *traffic) isHalted() bool {
	select {
	case <-t.stop:
		return true
	default:
		return false
	}
}

// halt ends the sending.
func (t *traffic) halt() {
	if !t.isHalted() {
		close(t.stop)
	}
	t.senders.Wait()
}

// sendAll sends the events of one sender.
func (t *traffic) sendAll(sender int) {
	pace := time.NewTicker(betweenEvents)
	defer pace.Stop()
	for contact := 0; ; contact++ {
		email := fmt.Sprintf("%d-%d@example.com", sender, contact)
		for n := range 2 * runsOfAContact {
			if t.isHalted() || t.Failed() {
				return
			}
			name := "signup"
			if n%2 == 1 {
				name = "hurry"
			}
			t.send(sentEvent{name, email, n})
			<-pace.C
		}
	}
}

func (e sentEvent) event() automation.Event {
	return automation.Event{
		Name: e.name, Email: e.email, IdempotencyKey: fmt.Sprint(e.email, "/", e.n), Payload: fmt.Appendf(nil, `{"n":%d}`, e.n),
	}
}

// send sends an event, again until it is accepted. Then the same event must be a duplicate, and
// the same key with another content must be refused, whatever happens to the servers.
func (t *traffic) send(e sentEvent) {
	var first automation.EventReceipt
	for until := time.Now().Add(2 * time.Minute); ; {
		receipts, err := t.runner.Send(t.Context(), e.event())
		if err == nil {
			first = receipts[0]
			break
		}
		t.failed.Add(1)
		if !errors.Is(err, jetstream.ErrUnavailable) || time.Now().After(until) {
			t.Errorf("a cluster accepts events, or has a fault that passes: %v", err)
			return
		}
	}
	t.mu.Lock()
	t.accepted[first.ID] = e
	t.mu.Unlock()
	t.count.Add(1)
	again, err := t.runner.Send(t.Context(), e.event())
	assert.True(t, errors.Is(err, jetstream.ErrUnavailable) || err == nil && again[0].Duplicate && again[0].ID == first.ID, "an event that comes again is a duplicate: %v", err)
	other := e.event()
	other.Payload = []byte(`{"n":-1}`)
	_, err = t.runner.Send(t.Context(), other)
	assert.True(t, errors.Is(err, jetstream.ErrUnavailable) || errors.Is(err, automation.ErrConflict), "a key with another content is refused: %v", err)
}

// goesOn waits until the cluster has accepted another event that was sent from now on.
func (t *traffic) goesOn() {
	t.Helper()
	began, enough := time.Now(), t.count.Load()+senders // as many may have been accepted already
	require.Eventually(t, func() bool { return t.count.Load() > enough || t.Failed() }, time.Minute, 10*time.Millisecond, "the cluster accepts events")
	t.Logf("the cluster accepts events after %s", time.Since(began).Round(time.Millisecond))
}

// verify halts the traffic, and asserts that nothing was lost, and nothing done that must not be.
func (t *traffic) verify() {
	t.Helper()
	t.halt()
	t.Logf("%d events were accepted, and %d calls failed", len(t.accepted), t.failed.Load())
	if t.Failed() {
		return
	}
	signups := 0
	for _, e := range t.accepted {
		if e.name == "signup" {
			signups++
		}
	}
	require.Eventually(t, func() bool { return completed(t, t.runner) >= signups }, 2*time.Minute, 100*time.Millisecond, "the run of each event is completed")
	require.Eventually(t, func() bool { return len(t.events()) >= len(t.accepted) }, time.Minute, 100*time.Millisecond, "the catalog has all events")
	t.verifyEvents()
	emails := map[string]int{} // by key: the number of its event
	for run, err := range automation.Each(t.Context(), t.runner.ListRuns, automation.RunQuery{}) {
		require.NoError(t, err)
		assert.Equal(t, automation.RunCompleted, run.Status, "run %s is at %s", run.ID, run.Step)
		e, ok := t.accepted[run.EventID]
		assert.True(t, ok, "run %s is that of an accepted event", run.ID)
		emails["run/"+run.ID+"/hello"], emails["run/"+run.ID+"/tips"] = e.n, e.n
	}
	assert.Len(t, emails, 2*signups, "each event has one run")
	t.verifyEmails(emails)
}

// events returns all events of the catalog.
func (t *traffic) events() (all []automation.EventRecord) {
	for e, err := range automation.Each(t.Context(), t.runner.ListEvents, automation.EventQuery{}) {
		require.NoError(t, err)
		all = append(all, e)
	}
	return all
}

// verifyEvents asserts that the accepted events were handled, no other ones, and those of each
// contact in the order in which they were accepted.
func (t *traffic) verifyEvents() {
	records := map[sentEvent]automation.EventRecord{}
	var sent []sentEvent
	for _, r := range t.events() {
		e, ok := t.accepted[r.ID]
		if r.Name == unanswered {
			continue
		}
		assert.True(t, ok, "event %s was accepted", r.ID)
		records[e] = r
		sent = append(sent, e)
	}
	assert.Len(t, records, len(t.accepted), "each accepted event was handled")
	slices.SortFunc(sent, func(a, b sentEvent) int { return cmp.Or(cmp.Compare(a.email, b.email), a.n-b.n) })
	for i, e := range sent {
		assert.Equal(t, automation.EventStatusHandled, records[e].Status)
		if i > 0 && sent[i-1].email == e.email {
			assert.False(t, records[e].HandledAt.Before(records[sent[i-1]].HandledAt), "event %d of %s is handled after the one before", e.n, e.email)
		}
	}
}

// verifyEmails asserts that each of the wanted emails was sent, no other one, and none before an
// earlier event of its contact was handled. A worker that has lost outcomes repeats at most the
// emails that it had a place for.
func (t *traffic) verifyEmails(want map[string]int) {
	text, err := os.ReadFile(t.files.Sent)
	require.NoError(t, err)
	times := map[string]int{}
	for line := range strings.Lines(string(text)) {
		var key string
		var n, last int
		_, err := fmt.Sscan(line, &key, &n, &last)
		require.NoError(t, err, line)
		wanted, ok := want[key]
		assert.True(t, ok && wanted == n, "%s is the email of a run, with the number of its event", line)
		assert.GreaterOrEqual(t, last, n, "the events of a contact are handled in their order: %s", line)
		times[key]++
	}
	repeated := 0
	for _, n := range times {
		repeated += n - 1
	}
	assert.Len(t, times, len(want), "each email of each run was sent")
	t.Logf("%d emails, %d of them again", len(times), repeated)
	assert.LessOrEqual(t, repeated, t.lost*childConcurrency)
}
