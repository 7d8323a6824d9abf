package scenario_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

func TestObserver_SeesAWholeFlowInOrder(t *testing.T) {
	t.Parallel()
	j := &world.Journal{}
	w := world.New(t, automation.Options{Observer: j, Retry: automation.RetryPolicy{Jitter: -1}})
	w.Create(world.Flow("welcome", "signup",
		automation.Step{Key: "name", Config: automation.ContactUpdate{FirstName: automation.String("Ada")}},
		world.Email("hello"), world.WaitUpTo("confirmed", "confirm", "30 days"),
		automation.Step{Key: "bye", Config: automation.ContactDelete{}}))
	fails := 1
	w.Mailer.Respond = func(context.Context, automation.Email) error {
		if fails--; fails >= 0 {
			return world.ErrOutage
		}
		return nil
	}

	w.Send(world.Signup("ada@example.com"))
	assert.Equal(t, []string{"accepted signup"}, j.Take())
	w.Drain()
	assert.Equal(t, []string{
		"created ada@example.com", "started welcome", "step start completed, 0 failed",
		"step name running, 0 failed", "changed Ada", "step name completed, 0 failed",
		"step hello running, 0 failed", "handled signup, started 1, resumed 0",
		"step hello running, 1 failed",
	}, j.Take())
	w.Pass(time.Second)
	assert.Equal(t, []string{"step hello completed, 1 failed", "step confirmed waiting, 0 failed"}, j.Take())
	w.Send(automation.Event{Name: "confirm", Email: "ada@example.com"})
	w.Drain()
	assert.Equal(t, []string{
		"accepted confirm", "step confirmed completed, 0 failed", "step bye running, 0 failed", "deleted",
		"step bye completed, 0 failed", "ended completed", "handled confirm, started 0, resumed 1",
	}, j.Take())
	assert.IsNonDecreasing(t, micros(j.Times()))
}

func micros(times []time.Time) []int64 {
	var out []int64
	for _, at := range times {
		out = append(out, at.UnixMicro())
	}
	return out
}

func TestObserver_SeesNoDuplicatesAndRefusals(t *testing.T) {
	t.Parallel()
	j := &world.Journal{}
	w := world.New(t, automation.Options{Observer: j})
	e := world.Signup("ada@example.com")
	e.IdempotencyKey = "once"
	w.Send(e)
	w.Send(e)
	_, err := w.Runner.Send(w.Ctx, world.Signup("no-address"))
	require.ErrorIs(t, err, automation.ErrInvalid)
	assert.Equal(t, []string{"accepted signup"}, j.Take())
}

func TestObserver_SeesACancelledRun(t *testing.T) {
	t.Parallel()
	j := &world.Journal{}
	w := world.New(t, automation.Options{Observer: j})
	w.Create(world.Flow("welcome", "signup", world.Pause("rest", "1 day")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	j.Take()
	_, err := w.CancelRun(w.Ctx, w.Run().ID)
	require.NoError(t, err)
	assert.Equal(t, []string{"step rest cancelled, 0 failed", "ended cancelled"}, j.Take())
}

func TestObserver_SeesNothingThatWasNotCommitted(t *testing.T) {
	t.Parallel()
	j := &world.Journal{}
	w := world.New(t, automation.Options{Observer: j})
	w.Store.WorkDown.Store(true)
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.AddContact(automation.Contact{Email: "ada@example.com"})
	w.Send(world.Signup("ada@example.com"))
	j.Take()
	_, err := w.Runner.Drain(w.Ctx)
	require.ErrorIs(t, err, world.ErrOutage)
	assert.Empty(t, j.Take())

	w.Store.WorkDown.Store(false)
	w.Pass(time.Minute)
	assert.Equal(t, "ended completed", j.Take()[5])
}

// Two effects of one contact end while the store is busy. Each notice must wait for its
// own commit.
func TestObserver_SeesEachEffectAfterItsCommit(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		j := &world.Journal{}
		w := world.InBubble(t, automation.Options{Observer: j})
		var oneByOne atomic.Bool
		turn := make(chan struct{})
		w.Store.BeforeCommit = func([]automation.Transition) error {
			if oneByOne.Load() {
				<-turn
			}
			return nil
		}
		gates := map[string]*world.Gate{"one": world.NewGate(), "two": world.NewGate()}
		w.Mailer.Respond = func(ctx context.Context, e automation.Email) error {
			return gates[e.TemplateID].Respond(ctx, e)
		}
		w.Create(world.Flow("first", "signup", world.Email("one")))
		w.Create(world.Flow("second", "signup", world.Email("two")))
		w.Serve(w.Runner)
		w.Send(world.Signup("ada@example.com"))
		synctest.Wait()
		j.Take()

		oneByOne.Store(true)
		gates["one"].Open()
		synctest.Wait()
		gates["two"].Open()
		synctest.Wait()
		assert.Empty(t, j.Take())
		turn <- struct{}{}
		synctest.Wait()
		assert.Equal(t, []string{"step one completed, 0 failed", "ended completed"}, j.Take())
		turn <- struct{}{}
		synctest.Wait()
		assert.Equal(t, []string{"step two completed, 0 failed", "ended completed"}, j.Take())
	})
}

// The host may still roll its transaction back.
func TestObserver_SeesNothingOfATransactionThatMayRollBack(t *testing.T) {
	t.Parallel()
	j := &world.Journal{}
	w := world.New(t, automation.Options{Observer: j})
	tx := &transaction{EventWriter: w.Memory}
	_, err := w.SendTo(w.Ctx, tx, world.Signup("ada@example.com"))
	require.NoError(t, err)
	assert.Empty(t, j.Take())
}

func TestObserver_SeesEachContactChangeAlone(t *testing.T) {
	t.Parallel()
	var changes []automation.ContactChange
	w := world.New(t, automation.Options{Observer: world.Observe(func(n automation.Notice) {
		if c, ok := n.(*automation.ContactChanged); ok {
			changes = append(changes, c.Change)
		}
	})})
	prop := func(key string) automation.Step {
		return automation.Step{Key: key, Config: automation.ContactUpdate{Properties: map[string]automation.Value{key: automation.String("x")}}}
	}
	w.Create(world.Flow("welcome", "signup", prop("a"), prop("b")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	require.Len(t, changes, 2)
	assert.Equal(t, map[string]any{"a": "x"}, changes[0].Properties)
	assert.Equal(t, map[string]any{"b": "x"}, changes[1].Properties)
}

// crossingDirectory is a contact directory that changes the name after the plan, although
// the call that changes the name comes first.
type crossingDirectory struct {
	mu      sync.Mutex
	contact automation.Contact
	naming  chan struct{} // closed when the call that changes the name has started
	planned chan struct{} // closed when the plan is changed
	named   []string      // the names that were set
}

func (d *crossingDirectory) FindContact(context.Context, automation.ContactRef) (automation.Contact, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.contact.Clone(), nil
}

func (d *crossingDirectory) CreateContact(ctx context.Context, _ string) (automation.Contact, error) {
	return d.FindContact(ctx, automation.ContactRef{})
}

func (d *crossingDirectory) UpdateContact(ctx context.Context, _ string, change automation.ContactChange) (automation.Contact, error) {
	before := d.naming
	if change.FirstName != nil {
		close(d.naming)
		before = d.planned
	}
	select {
	case <-before:
	case <-ctx.Done():
		return automation.Contact{}, ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	change.Apply(&d.contact)
	if change.FirstName != nil {
		d.named = append(d.named, *change.FirstName)
	}
	return d.contact.Clone(), nil
}

func (d *crossingDirectory) DeleteContact(context.Context, string) error { return nil }

// changes collects the names in the notices. It lets the change of the name continue once
// the change of the plan is committed.
type changes struct {
	directory *crossingDirectory
	mu        sync.Mutex
	named     []string
	done      chan struct{}
}

func (c *changes) Observe(n automation.Notice) {
	changed, ok := n.(*automation.ContactChanged)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case changed.Change.FirstName != nil:
		c.named = append(c.named, *changed.Change.FirstName)
		close(c.done)
	case changed.Change.Properties != nil:
		close(c.directory.planned)
	}
}

func TestObserver_ReceivesTheChangeThatWasMade(t *testing.T) {
	t.Parallel()
	d := &crossingDirectory{
		contact: automation.Contact{ID: "ada", Email: "ada@example.com", Properties: map[string]any{"plan": "free"}},
		naming:  make(chan struct{}),
		planned: make(chan struct{}),
	}
	seen := &changes{directory: d, done: make(chan struct{})}
	r, err := automation.New(memory.New(), capture.New(), automation.Options{Contacts: d, Observer: seen, Concurrency: 2})
	require.NoError(t, err)
	for key, update := range map[string]automation.ContactUpdate{
		"name": {FirstName: automation.Var("contact.properties.plan")},
		"plan": {Properties: map[string]automation.Value{"plan": automation.String("pro")}},
	} {
		_, err := r.CreateAutomation(t.Context(), automation.Automation{
			Name: key, Status: automation.StatusEnabled,
			Steps: []automation.Step{
				{Key: "start", Config: automation.Trigger{EventName: "user.created"}},
				{Key: key, Config: update},
			},
			Connections: []automation.Connection{{From: "start", To: key}},
		})
		require.NoError(t, err)
	}
	_, err = r.Send(t.Context(), automation.Event{Name: "user.created", ContactID: "ada"})
	require.NoError(t, err)

	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	select {
	case <-seen.done:
	case <-ctx.Done():
	}
	stop()
	<-ended
	assert.Equal(t, d.named, seen.named, "the value that was set, not one that was resolved again")
	assert.Equal(t, []string{"free"}, seen.named)
}
