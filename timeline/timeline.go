// Package timeline writes what a Runner does as text for people: every event,
// step, branch, email and change of a contact, with its time.
//
//	day 0 00:00:00   Mon 2026-01-05 09:00:00   ada@example.com
//	  event    user.created          {"plan":"pro"}
//	  contact  created
//	  run      Welcome series        started
//	  step     start                 on user.created
//	  step     is_pro                -> condition_met   event.plan eq "pro" is true
//	  email    welcome               "welcome-email" to ada@example.com
//
// It is meant for tests, examples and development: a Writer keeps the name of every contact
// in memory.
package timeline

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/seed-b636437c/automation"
)

// Options tune a Writer. Set at least Start.
type Options struct {
	// Start is the time at which day 0 begins. Times are shown in its location.
	Start time.Time
	// Within is for how long further lines about a contact stay below one heading.
	// Zero starts a heading at every new time, which suits a fake clock. With a real
	// clock a few milliseconds keep related lines together.
	Within time.Duration
}

// Writer is an automation.Observer that writes a line for each notice, at once. The lines
// about one contact at one time are a block with a heading. The heading has the time since
// the start, in days of 24 hours, the date and the contact. A Writer is safe for concurrent
// use, and calls Write of the underlying writer once for each line.
type Writer struct {
	mu    sync.Mutex
	w     io.Writer
	opts  Options
	names map[string]string // by the id of an automation or a contact
	err   error

	// The current block.
	open    bool
	at      time.Time
	contact string
	run     string // id of the run of the last line about a run or a step
}

var _ automation.Observer = (*Writer)(nil)

// New returns a Writer that writes to w.
func New(w io.Writer, opts Options) *Writer {
	return &Writer{w: w, opts: opts, names: map[string]string{}}
}

// Name sets the name that the timeline shows for the automation or the contact with this
// id. Without a name the timeline shows the id. The name of a contact that an event creates
// is its email, without a call of Name.
func (w *Writer) Name(id, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.names[id] = name
}

// Err returns the first error of the underlying writer, or nil. After an error the Writer
// writes nothing more.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Observe implements automation.Observer. It ignores notices of unknown types.
func (w *Writer) Observe(n automation.Notice) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch n := n.(type) {
	case *automation.EventAccepted:
		w.line(n.At, w.sender(n.Event), "event", n.Event.Name, short(compact(n.Event.Payload)))
	case *automation.EventHandled:
		switch {
		case len(n.Started)+len(n.Resumed)+len(n.Ended) > 0:
		case len(n.Refused) > 0:
			w.line(n.At, w.sender(n.Event), "event", n.Event.Name, "starts nothing: "+refusals(n.Refused))
		default:
			w.line(n.At, w.sender(n.Event), "event", n.Event.Name, "starts nothing and resumes nothing")
		}
	case *automation.RunStarted:
		w.runLine(n.At, n.Run, "started")
	case *automation.StepChanged:
		w.step(n)
	case *automation.RunEnded:
		w.runLine(n.At, n.Run, ending(n.Run))
	case *automation.ContactCreated:
		w.names[n.Contact.ID] = n.Contact.Email
		w.line(n.At, n.Contact.Email, "contact", "created", fields(n.Contact))
	case *automation.ContactChanged:
		w.line(n.At, w.name(n.ContactID), "contact", "changed", changes(n.Change))
		if n.Change.Email != nil {
			w.names[n.ContactID] = *n.Change.Email
		}
	case *automation.ContactDeleted:
		w.line(n.At, w.name(n.ContactID), "contact", "deleted", "")
	}
}

// refusals returns why automations were not started.
func refusals(decisions []automation.Decision) string {
	codes := make([]string, len(decisions))
	for i, d := range decisions {
		codes[i] = string(d.Code)
	}
	return strings.Join(codes, ", ")
}

func (w *Writer) step(n *automation.StepChanged) {
	kind, detail := describe(n, w.opts.Start)
	if kind == "" {
		return
	}
	contact := w.name(n.Run.ContactID)
	if w.run != n.Run.ID || !w.isOpen(n.At, contact) {
		w.runLine(n.At, n.Run, "continues")
	}
	w.line(n.At, contact, kind, n.Step.Key, detail)
}

func (w *Writer) runLine(at time.Time, r automation.Run, detail string) {
	w.line(at, w.name(r.ContactID), "run", w.name(r.AutomationID), detail)
	w.run = r.ID
}

// line writes one line about a contact, below a new heading if it needs one. subject and
// detail may be empty.
func (w *Writer) line(at time.Time, contact, kind, subject, detail string) {
	if !w.isOpen(at, contact) {
		w.heading(at, contact)
	}
	w.write(fmt.Sprintf("  %-8s %-21s %s", kind, subject, detail))
}

func (w *Writer) isOpen(at time.Time, contact string) bool {
	return w.open && w.contact == contact && at.Sub(w.at).Abs() <= w.opts.Within
}

func (w *Writer) heading(at time.Time, contact string) {
	if w.open {
		w.write("")
	}
	w.open, w.at, w.contact, w.run = true, at, contact, ""
	w.write(fmt.Sprintf("%s   %s   %s", Since(w.opts.Start, at), at.In(w.opts.Start.Location()).Format("Mon 2006-01-02 15:04:05"), contact))
}

// write writes a line. Data from outside can neither break the line nor send escape
// sequences to a terminal, because control characters become spaces.
func (w *Writer) write(line string) {
	if w.err != nil {
		return
	}
	line = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, line)
	_, w.err = io.WriteString(w.w, strings.TrimRight(line, " ")+"\n")
}

// sender returns the name of the contact that an event is for.
func (w *Writer) sender(e automation.Event) string {
	if e.ContactID != "" {
		return w.name(e.ContactID)
	}
	return e.Email
}

func (w *Writer) name(id string) string {
	if name, ok := w.names[id]; ok {
		return name
	}
	return id
}

// Since returns the time from start to t in the form of the timeline, such as
// "day 3 12:30:00", with milliseconds if there are any. If t is before start, the text
// begins with "-".
func Since(start, t time.Time) string {
	d := t.Sub(start)
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	const day = 24 * time.Hour
	clock := time.Time{}.Add(d % day).Format("15:04:05.999")
	return fmt.Sprintf("%sday %d %s", sign, d/day, clock)
}
