package automationtest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/timeline"
)

// TB is the part of a test that the harness calls. *testing.T, *testing.B, *testing.F and
// the T of other frameworks implement it. As in package testing, the test continues after
// Errorf, and Fatalf must not return.
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
	// Start is the first time of the clock. Zero means the present time of Clock, or
	// Monday 5 January 2026, 09:00 UTC, if Clock is nil.
	Start time.Time
	// Clock is the clock that the harness moves. Set it to share a clock with the code
	// under test, such as clock.NewMock() of github.com/benbjohnson/clock. With nil the
	// harness makes a clock.
	Clock Clock
	// Templates renders every email before Mailer gets it, for instance the
	// *template.Library of the application. An email that cannot be rendered fails the
	// test, and so does a template that is missing, not published, or does not fit the
	// variables of a step, if Templates is an automation.TemplateInspector. Message and
	// Messages return what was rendered. With nil, emails are not rendered.
	Templates mail.Renderer
	// Definitions are the definitions of events, by name and schema. They are in the
	// store before the automations. Send converts and refuses payloads by them, and an
	// automation that reads a field of an event that its definition does not declare
	// fails the test.
	Definitions []automation.EventDefinition
	// Runner holds the options of the Runner: Registry, Contacts, Limits, Retry and so
	// on. Its Clock is ignored. Without Random the ids are the same in every test. Its
	// Observer, if any, gets each notice after the harness.
	Runner automation.Options
}

// Harness runs automations for one test. A method that cannot do its work fails the test
// at once. After a failed assertion, of a method whose name begins with Assert, the test
// continues. Only one goroutine may use a Harness.
type Harness struct {
	// Runner is the Runner of the automations, for calls that the harness has no
	// method for. Call Advance(0) after a call that causes work.
	Runner *automation.Runner
	// Mailer keeps the emails. Set its Respond to fail attempts.
	Mailer *capture.Mailer
	// Clock is the clock of Runner. Move it with Advance.
	Clock Clock

	t         TB
	store     *memory.Store
	contacts  automation.ContactDirectory // the host's, or nil
	rendering *renderingMailer            // nil without templates
	names     map[string]string           // of the automations, by id
	people    map[string][]string         // ids of the contacts that had an email, oldest first
	timeline  *timeline.Writer
	lines     bytes.Buffer // the text of timeline
}

// defaultStart is a Monday morning, so that days are easy to count.
var defaultStart = time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC)

// New returns a Harness with these automations. A status means what it means to
// Runner.Apply: an automation without a status is enabled, and one that is disabled starts
// no runs. Load returns a disabled one if the file has no status. The id of an automation
// without id is its name. The test fails at once if an option or an automation is invalid,
// and continues after the failure if an automation has Warnings, which are about data and
// templates. automation.Validate returns those about the graph and the rules, too.
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
	var mailer automation.Mailer = h.Mailer
	if opts.Templates != nil {
		h.rendering = newRenderingMailer(h.Mailer, opts.Templates)
		mailer = h.rendering
	}
	var err error
	h.Runner, err = automation.New(h.store, mailer, runner)
	h.must("new", err)
	for _, d := range opts.Definitions {
		_, err := h.Runner.CreateEventDefinition(context.Background(), d)
		h.must("define "+strconv.Quote(d.Name), err)
	}
	for _, a := range automations {
		h.apply(a)
	}
	t.Cleanup(h.report)
	return h
}

func (h *Harness) apply(a automation.Automation) {
	h.t.Helper()
	if a.ID == "" {
		a.ID = a.Name
	}
	a, err := h.Runner.CreateAutomation(context.Background(), a)
	h.must("", err)
	h.names[a.ID] = a.Name
	h.timeline.Name(a.ID, a.Name)
	for _, p := range a.Warnings {
		h.t.Errorf("automation %q: %s", a.Name, p)
	}
	if a.Status == automation.StatusDisabled {
		h.t.Logf("automationtest: automation %q is disabled, as it is after Apply in an application: no event starts it; "+
			"set its Status to StatusEnabled to test it", a.Name)
	}
}

// Load reads an automation from a JSON file, as strictly as automation.Parse. It is
// disabled if the file does not say that it is enabled. reg has the
// custom step types and may be nil. The test fails at once if the file cannot be read or
// is invalid.
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

// Timeline returns the text of package timeline about the whole test so far.
func (h *Harness) Timeline() string { return h.lines.String() }

// report logs the timeline if the test failed, by an assertion of the harness or of other
// code.
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

// observer passes the notices of the Runner to the harness and to the next observer.
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
