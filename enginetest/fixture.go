package enginetest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-b636437c/automation"
)

// fixture has the methods that a check uses. They end the check when the engine does not do
// what it should, so that a check is a list of statements about the engine. A check must call
// them on its own goroutine.
type fixture struct {
	ctx    context.Context
	tb     testing.TB
	opener Open
	given  Given
	mailer *mailer
	// opts are the options of the engine. A check may change them before it opens one.
	opts automation.Options
	// steps are the functions of the custom steps, by Do.
	steps map[string]func(ctx context.Context, c automation.Call) (automation.Result, error)
	// Engine is the process whose Runner is called.
	Engine
	workers []*worker
}

// worker is a process that works.
type worker struct {
	cancel context.CancelFunc
	result chan error
}

// failure is the panic with which the methods of a fixture end a check. It becomes the error
// of the check.
type failure struct{ error }

// defaultPatience is much longer than a check takes on the slowest engine.
const defaultPatience = 30 * time.Second

func check(name string, body func(f *fixture)) Check {
	return Check{Name: name, Run: func(tb testing.TB, open Open, given Given) (err error) {
		if given.Patience == 0 {
			given.Patience = defaultPatience
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), 4*given.Patience)
		defer cancel()
		f := newFixture(ctx, tb, open, given)
		defer func() { err = errors.Join(err, f.stopAll()) }()
		return caught(func() {
			body(f)
			f.settle()
		})
	}}
}

func newFixture(ctx context.Context, tb testing.TB, open Open, given Given) *fixture {
	f := &fixture{
		ctx: ctx, tb: tb, opener: open, given: given, mailer: &mailer{},
		steps: map[string]func(context.Context, automation.Call) (automation.Result, error){},
	}
	f.opts.Registry = automation.NewRegistry()
	automation.Handle(f.opts.Registry, func(ctx context.Context, c automation.Call, config call) (automation.Result, error) {
		return f.steps[config.Do](ctx, c)
	}, automation.StepOptions{Branches: []automation.ConnectionType{"left", "right"}})
	f.opts.Retry = automation.RetryPolicy{MaxAttempts: 5, Initial: 500 * time.Millisecond, Max: time.Second, Jitter: -1}
	f.opts.ShutdownTimeout = 2 * time.Second
	return f
}

// caught calls body, and returns the failure with which it ended.
func caught(body func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			err = r.error
		default:
			panic(r)
		}
	}()
	body()
	return nil
}

// open makes the engine, in which nothing works yet.
func (f *fixture) open() {
	f.Engine = f.opener(f.tb, f.mailer, f.opts)
	if f.Runner == nil || f.Work == nil || f.Another == nil {
		f.failf("the engine lacks a Runner, Work or Another")
	}
}

// start makes the engine, with automations. Two processes work.
func (f *fixture) start(automations ...automation.Automation) {
	f.open()
	for _, a := range automations {
		f.create(a)
	}
	f.work(f.Engine)
	f.work(f.Another())
}

// work lets a process work until the check ends.
func (f *fixture) work(e Engine) *worker {
	ctx, cancel := context.WithCancel(f.ctx)
	w := &worker{cancel: cancel, result: make(chan error, 1)}
	go func() { w.result <- e.Work(ctx) }()
	f.workers = append(f.workers, w)
	return w
}

// stop ends the work of a process, and waits until it has ended.
func (f *fixture) stop(w *worker) error {
	f.workers = slices.DeleteFunc(f.workers, func(other *worker) bool { return other == w })
	w.cancel()
	select {
	case err := <-w.result:
		if err == nil || errors.Is(err, context.Canceled) {
			return nil
		}
		return fmt.Errorf("the error of Work: %w", err)
	case <-time.After(f.opts.ShutdownTimeout + f.given.Patience):
		return errors.New("the process works on although its context has ended")
	}
}

func (f *fixture) stopAll() error {
	var all []error
	for _, w := range slices.Clone(f.workers) {
		w.cancel()
	}
	for _, w := range slices.Clone(f.workers) {
		all = append(all, f.stop(w))
	}
	return errors.Join(all...)
}

// settle ends the check if the engine did at any time what no engine may do.
func (f *fixture) settle() {
	if flaw := f.mailer.flaw(); flaw != "" {
		f.failf("%s", flaw)
	}
}

// fail ends the check.
func (f *fixture) fail(err error) { panic(failure{fmt.Errorf("%s: %w", caller(), err)}) }

func (f *fixture) failf(format string, args ...any) { f.fail(fmt.Errorf(format, args...)) }

// caller returns the line of the check that is executed.
func caller() string {
	var pcs [24]uintptr
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
	if flaw := difference(what, got, want); flaw != "" {
		f.failf("%s", flaw)
	}
}

// difference returns how got differs from want, or "".
func difference(what string, got, want any) string {
	g, w := fmt.Sprint(got), fmt.Sprint(want)
	if g == w {
		return ""
	}
	return fmt.Sprintf("%s:\n  got  %s\n  want %s", what, shorten(g), shorten(w))
}

// shorten keeps the message about a large payload readable.
func shorten(s string) string {
	const limit = 1000
	if len(s) <= limit {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes)", s[:limit], len(s))
}

// until waits until flaw returns "", and ends the check with the last flaw if that takes too
// long.
func (f *fixture) until(flaw func() string) {
	deadline := time.Now().Add(f.given.Patience)
	for rest := 2 * time.Millisecond; ; rest = min(2*rest, 100*time.Millisecond) {
		last := flaw()
		if last == "" {
			return
		}
		if time.Now().After(deadline) {
			f.failf("after %s: %s", f.given.Patience, last)
		}
		f.pass(rest)
	}
}

// untilEqual waits until got returns what fmt prints as want.
func (f *fixture) untilEqual(what string, got func() any, want any) {
	f.until(func() string { return difference(what, got(), want) })
}

// listed is untilEqual for what comes from a list or a count. Unless lists may lag, it does
// not wait.
func (f *fixture) listed(what string, got func() any, want any) {
	if f.given.LaggingLists {
		f.untilEqual(what, got, want)
		return
	}
	f.equal(what, got(), want)
}

// pass lets time pass. It is not for waiting until something has happened: that is until.
func (f *fixture) pass(d time.Duration) {
	select {
	case <-time.After(d):
	case <-f.ctx.Done():
		f.fail(f.ctx.Err())
	}
}

// passUntil returns at a time.
func (f *fixture) passUntil(t time.Time) { f.pass(time.Until(t)) }

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

// address returns the email of the contact number i.
func address(i int) string { return fmt.Sprintf("c%03d@example.com", i) }

// addresses returns the emails of n contacts.
func addresses(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = address(i)
	}
	return all
}

// large returns a text of 200 KB. It has an end of its own, so that a text that was cut is
// found out.
func large(end string) string { return strings.Repeat("0123456789", 20_000) + end }
