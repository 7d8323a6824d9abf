package world

import (
	"fmt"
	"sync"
	"time"

	"github.com/seed-b636437c/automation"
)

// Observe is an automation.Observer that is a function.
type Observe func(automation.Notice)

// Observe implements automation.Observer.
func (o Observe) Observe(n automation.Notice) { o(n) }

// Endings is an automation.Observer that sends the id of each run that ends.
type Endings chan string

// Observe implements automation.Observer.
func (e Endings) Observe(n automation.Notice) {
	if ended, ok := n.(*automation.RunEnded); ok {
		e <- ended.Run.ID
	}
}

// Journal is an automation.Observer that records a line for each notice.
type Journal struct {
	mu    sync.Mutex
	lines []string
	times []time.Time
}

// Observe implements automation.Observer.
func (j *Journal) Observe(n automation.Notice) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line(n))
	j.times = append(j.times, n.When())
}

// Take returns the lines since the last call of Take.
func (j *Journal) Take() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	lines := j.lines
	j.lines = nil
	return lines
}

// Times returns the times of all notices.
func (j *Journal) Times() []time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.times
}

func line(n automation.Notice) string {
	switch n := n.(type) {
	case *automation.EventAccepted:
		return "accepted " + n.Event.Name
	case *automation.EventHandled:
		return fmt.Sprintf("handled %s, started %d, resumed %d", n.Event.Name, len(n.Started), len(n.Resumed))
	case *automation.RunStarted:
		return "started " + n.Run.AutomationID
	case *automation.StepChanged:
		return fmt.Sprintf("step %s %s, %d failed", n.Step.Key, n.Step.Status, len(n.Step.Attempts))
	case *automation.RunEnded:
		return "ended " + string(n.Run.Status)
	case *automation.ContactCreated:
		return "created " + n.Contact.Email
	case *automation.ContactChanged:
		return "changed " + *n.Change.FirstName
	case *automation.ContactDeleted:
		return "deleted"
	default:
		return fmt.Sprintf("unknown %T", n)
	}
}
