package automationtest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/timeline"
)

// TB is what the harness needs of a test. *testing.T, *testing.B, *testing.F
// and the T of other frameworks satisfy it. As in package testing, Errorf lets
// the test go on, and Fatalf must not return.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
	Failed() bool
	Cleanup(func())
}

// Options tune a Harness. The zero value works.
type Options struct {
	// Start is what the clock shows at first. Zero leaves it at what Clock
	// shows, or without Clock, at Monday 5 January 2026, 09:00 UTC.
	Start time.Time
	// Clock is moved by the harness. Give one to share it with the code under
	// test: clock.NewMock() of github.com/benbjohnson/clock will do. Nil makes
	// one.
	Clock Clock
	// Runner is what the Runner gets: Registry, Contacts, Limits, Retry and so
	// on. Its Clock is ignored. Without Random the ids are the same in every
	// test. Its Observer, if any, is told after the harness.
	Runner automation.Options
}

// Harness runs automations for one test. All its methods fail the test at once
// where they cannot do what they are asked; those that begin with Assert let it
// go on. It belongs to one goroutine.
type Harness struct {
	// Runner runs the automations, for all that the harness has no method for.
	// Call Advance(0) after giving it work.
	Runner *automation.Runner
	// Mailer keeps the emails. Set its Respond to let attempts fail.
	Mailer *capture.Mailer
	// Clock is what Runner reads. Move it with Advance.
	Clock Clock

	t        TB
	store    *memory.Store
	contacts automation.ContactDirectory // the host's, or nil
	names    map[string]string           // of the automations, by id
	people   map[string][]string         // ids of the contacts that had an email, oldest first
	timeline *timeline.Writer
	lines    bytes.Buffer // what timeline has written
}

// defaultStart is a Monday morning, so that days are easy to count.
var defaultStart = time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC)

// New returns a Harness in which automations are enabled, whatever their
// status. An automation without id gets its name as id. The test fails at once
// if one of them is invalid.
func New(t TB, opts Options, automations ...automation.Automation) *Harness {
	t.Helper()
	h := &Harness{
		Mailer: capture.New(), Clock: startClock(opts), t: t,
		store: memory.New(), contacts: opts.Runner.Contacts,
		names: map[string]string{}, people: map[string][]string{},
	}
	h.timeline = timeline.New(&h.lines, timeline.Options{Start: h.Clock.Now()})
	runner := opts.Runner
	runner.Clock = h.Clock
	runner.Observer = &observer{h: h, next: opts.Runner.Observer}
	if runner.Random == nil {
		runner.Random = rand.NewChaCha8([32]byte{})
	}
	var err error
	h.Runner, err = automation.New(h.store, h.Mailer, runner)
	h.must("new", err)
	for _, a := range automations {
		h.enable(a)
	}
	t.Cleanup(h.report)
	return h
}

func (h *Harness) enable(a automation.Automation) {
	h.t.Helper()
	a.Status = automation.StatusEnabled
	if a.ID == "" {
		a.ID = a.Name
	}
	a, err := h.Runner.CreateAutomation(context.Background(), a)
	h.must("", err)
	h.names[a.ID] = a.Name
	h.timeline.Name(a.ID, a.Name)
}

// Load reads an automation from a JSON file, as strictly as automation.Parse.
// reg knows the custom step types and may be nil. The test fails at once if the
// file cannot be read.
func Load(t TB, path string, reg *automation.Registry) automation.Automation {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("automationtest: %v", err)
	}
	a, err := automation.Parse(data, reg)
	if err != nil {
		t.Fatalf("automationtest: %s: %v", path, err)
	}
	return a
}

// Timeline returns all that has happened so far, as package timeline shows it.
func (h *Harness) Timeline() string { return h.lines.String() }

// report logs the timeline if the test has failed, whoever has found fault.
func (h *Harness) report() {
	if h.t.Failed() {
		h.t.Helper()
		h.t.Logf("timeline:\n%s", h.Timeline())
	}
}

// must fails the test at once if err is not nil. doing may be empty.
func (h *Harness) must(doing string, err error) {
	if err == nil {
		return
	}
	h.t.Helper()
	if doing != "" {
		err = fmt.Errorf("%s: %w", doing, err)
	}
	h.t.Fatalf("automationtest: %v", err)
}

// observer hears what the Runner does.
type observer struct {
	h    *Harness
	next automation.Observer
}

func (o *observer) Observe(n automation.Notice) {
	if created, ok := n.(*automation.ContactCreated); ok {
		o.h.meet(created.Contact)
	}
	o.h.timeline.Observe(n)
	if o.next != nil {
		o.next.Observe(n)
	}
}
