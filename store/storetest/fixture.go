package storetest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-b636437c/automation"
	ids "github.com/seed-b636437c/automation/internal/uuid"
)

// fixture has the methods that a check uses. They end the check when the store does
// not do what it should, so that a check is a list of statements about the store. A
// check must call them on its own goroutine.
type fixture struct {
	ctx    context.Context
	target Target
	store  automation.Store // one handle
	other  automation.Store // another handle on the same data
	made   int              // the number of the last id that was made
	twins  map[string]bool  // ids of runs that are the twins of events
}

// failure is the panic with which the methods of a fixture end a check. It becomes the
// error of the check.
type failure struct{ error }

func check(name string, body func(f *fixture)) Check {
	return Check{Name: name, Run: func(ctx context.Context, t Target) (err error) {
		defer func() {
			switch r := recover().(type) {
			case nil:
			case failure:
				err = r.error
			default:
				panic(r)
			}
		}()
		f := &fixture{ctx: ctx, target: t}
		f.store, f.other = f.open(), f.open()
		body(f)
		return nil
	}}
}

func (f *fixture) open() automation.Store {
	s, err := f.target.Open(f.ctx)
	f.must("open", err)
	return s
}

// fail ends the check.
func (f *fixture) fail(err error) { panic(failure{fmt.Errorf("%s: %w", caller(), err)}) }

func (f *fixture) failf(format string, args ...any) { f.fail(fmt.Errorf(format, args...)) }

// caller returns the line of the check that is executed.
func caller() string {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		frame, more := frames.Next()
		file := filepath.Base(frame.File)
		if file != "fixture.go" && file != "actions.go" || !more {
			return fmt.Sprintf("%s:%d", file, frame.Line)
		}
	}
}

// must ends the check if err, the error of a call that should succeed, is not nil.
func (f *fixture) must(what string, err error) {
	if err != nil {
		f.fail(fmt.Errorf("%s: %w", what, err))
	}
}

// refused ends the check unless err, the error of a call that should fail, wraps want.
func (f *fixture) refused(what string, err, want error) {
	if !errors.Is(err, want) {
		f.failf("%s: the error is %q, and should wrap %q", what, fmt.Sprint(err), want)
	}
}

// equal ends the check unless fmt prints got and want as the same text.
func (f *fixture) equal(what string, got, want any) {
	g, w := fmt.Sprint(got), fmt.Sprint(want)
	if g != w {
		f.failf("%s:\n  got  %s\n  want %s", what, shorten(g), shorten(w))
	}
}

// shorten keeps the message about a large payload readable.
func shorten(s string) string {
	const limit = 2000
	if len(s) <= limit {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes)", s[:limit], len(s))
}

// origin is the time of most checks.
var origin = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

// at returns a time some seconds after the origin.
func at(seconds int) time.Time { return origin.Add(time.Duration(seconds) * time.Second) }

// id returns a UUID that is greater than those it has returned before, and the twin of none. Its
// time, the year 2030, is later than all times of the checks, as that of an event's id has to be.
func (f *fixture) id() string {
	f.made += 2
	return uuid(f.made)
}

// runID returns the id of a new run that an event has started. That of the first one is the twin
// of the event's, as a Runner makes it: a store may keep such an event with its run.
func (f *fixture) runID(event string) string {
	id := ids.Twin(event)
	if id == "" || f.twins[id] {
		return f.id()
	}
	if f.twins == nil {
		f.twins = map[string]bool{}
	}
	f.twins[id] = true
	return id
}

func uuid(n int) string { return fmt.Sprintf("01b8dac5-b400-7000-8000-%012x", n) }

// missing is an id that no record has.
const missing = "01b8dac5-b400-7000-8000-ffffffffffff"

// atOnce calls do in n goroutines that start together, and returns the errors.
func atOnce(n int, do func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = do(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// handle returns the two handles in turn.
func (f *fixture) handle(i int) automation.Store {
	if i%2 == 0 {
		return f.store
	}
	return f.other
}

// onlyOne ends the check unless one of the calls succeeded and the errors of the others
// wrap want.
func (f *fixture) onlyOne(what string, errs []error, want error) {
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		f.refused(what, err, want)
	}
	f.equal(what+": how many of "+fmt.Sprint(len(errs))+" succeeded", won, 1)
}

// The texts below show all fields of a record, to compare records. Nil and empty values
// look the same.

func stamp(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format(time.RFC3339Nano)
}

func eventText(e automation.Event) string {
	return fmt.Sprintf("event{id=%s name=%q contact=%q email=%q payload=%s key=%q occurred=%s accepted=%s}",
		e.ID, e.Name, e.ContactID, e.Email, e.Payload, e.IdempotencyKey, stamp(e.OccurredAt), stamp(e.AcceptedAt))
}

func runText(r automation.RunRecord) string {
	failed := "none"
	if r.Error != nil {
		failed = string(r.Error.Code) + ": " + r.Error.Message
	}
	return fmt.Sprintf("run{id=%s of=%s/%d contact=%q event=%s/%q status=%s step=%q listens=%q due=%s decode failures=%d error=%q exit=%s state=%x created=%s completed=%s}",
		r.ID, r.AutomationID, r.Version, r.ContactID, r.EventID, r.EventName, r.Status, r.Step, r.Listens,
		stamp(r.DueAt), r.DecodeFailures, failed, exitText(r.Exit), r.State, stamp(r.CreatedAt), stamp(r.CompletedAt))
}

func exitText(x *automation.RunExit) string {
	if x == nil {
		return "none"
	}
	return fmt.Sprintf("{reason=%q name=%q event=%s step=%q at=%s}", x.Reason, x.Name, x.EventID, x.Step, stamp(x.At))
}

func automationText(a automation.AutomationRecord) string {
	return fmt.Sprintf("automation{id=%s name=%q status=%s event=%q events=%q gathers=%t version=%d revision=%d definition=%s created=%s updated=%s stopped=%s}",
		a.ID, a.Name, a.Status, a.EventName, a.EventNames, a.Gathers, a.Version, a.Revision, a.Definition, stamp(a.CreatedAt), stamp(a.UpdatedAt), stamp(a.StoppedAt))
}

func contactText(c automation.Contact) string {
	segments := slices.Sorted(slices.Values(c.Segments))
	properties := make([]string, 0, len(c.Properties))
	for name, v := range c.Properties {
		properties = append(properties, fmt.Sprintf("%q=%s", name, automation.ValueOf(v)))
	}
	slices.Sort(properties)
	return fmt.Sprintf("contact{id=%s email=%q first=%q last=%q unsubscribed=%t properties=%s segments=%q created=%s}",
		c.ID, c.Email, c.FirstName, c.LastName, c.Unsubscribed, strings.Join(properties, ","), segments, stamp(c.CreatedAt))
}

func definitionText(d automation.EventDefinition) string {
	return fmt.Sprintf("definition{id=%s name=%q schema=%s created=%s updated=%s}", d.ID, d.Name, d.Schema, stamp(d.CreatedAt), stamp(d.UpdatedAt))
}

func pageText(q automation.PageQuery) string {
	return fmt.Sprintf("page of %d after %q before %q", q.Limit, q.After, q.Before)
}
