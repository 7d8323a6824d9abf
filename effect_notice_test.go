package automation_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// crossingDirectory is a contact directory that changes the name after the plan,
// although the step that changes the name came first.
type crossingDirectory struct {
	mu      sync.Mutex
	contact automation.Contact
	naming  chan struct{} // closed when the change of the name has begun
	planned chan struct{} // closed when the plan has changed
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

// changes collects the names in an Observer's notices, and lets the change of the name
// go on once the change of the plan is committed.
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
