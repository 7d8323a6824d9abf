package automation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/seed-b636437c/automation/internal/redact"
)

// panicError is a panic in the host's code as the error of a failed attempt. The effect
// may have happened.
type panicError struct{ summary, stack string }

func newPanicError(p any) *panicError {
	return &panicError{
		summary: fmt.Sprintf("panic: %v", p),
		stack:   string(debug.Stack()),
	}
}

func (e *panicError) Error() string { return e.summary + "\n" + e.stack }
func (e *panicError) Unwrap() error { return ErrOutcomeUnknown }

// panicIn returns the panic of the host's code that err is about, if there is one.
func panicIn(err error) *panicError {
	var p *panicError
	errors.As(err, &p)
	return p
}

// errorAttrs returns the fields of an error. A panic of the host's code has its stack in a
// field of its own.
func errorAttrs(err error) []slog.Attr {
	if p := panicIn(err); p != nil {
		return []slog.Attr{slog.String("error", redact.Text(p.summary)), slog.String("stack", redact.Text(p.stack))}
	}
	return []slog.Attr{slog.Any("error", redact.Error(err))}
}

// guard calls the host's code and returns a panic as an error: one mistake of the host
// must not end the process that does everything else.
func guard(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = newPanicError(p)
		}
	}()
	return call()
}

// errNoID is the error for a contact that the Runner could never find again.
var errNoID = errors.New("the contact directory returned a contact without an id")

// errHostContacts is the error of methods that need contacts in the Store, for a Runner
// with a contact directory.
var errHostContacts = fmt.Errorf("contacts live in the host's own table: %w", errors.ErrUnsupported)

// guardedDirectory is the host's contact directory, whose panics and contacts without an
// id are errors.
type guardedDirectory struct {
	next     ContactDirectory
	searcher ContactSearcher    // next, or nil
	finder   ContactBatchFinder // next, or nil
}

func newGuardedDirectory(next ContactDirectory) guardedDirectory {
	d := guardedDirectory{next: next}
	d.searcher, _ = next.(ContactSearcher)
	d.finder, _ = next.(ContactBatchFinder)
	return d
}

func (d guardedDirectory) FindContact(ctx context.Context, ref ContactRef) (Contact, error) {
	return d.contact(func() (Contact, error) { return d.next.FindContact(ctx, ref) })
}

func (d guardedDirectory) CreateContact(ctx context.Context, email string) (Contact, error) {
	return d.contact(func() (Contact, error) { return d.next.CreateContact(ctx, email) })
}

func (d guardedDirectory) UpdateContact(ctx context.Context, id string, change ContactChange) (Contact, error) {
	return d.contact(func() (Contact, error) { return d.next.UpdateContact(ctx, id, change) })
}

func (d guardedDirectory) DeleteContact(ctx context.Context, id string) error {
	return guard(func() error { return d.next.DeleteContact(ctx, id) })
}

func (d guardedDirectory) contact(call func() (Contact, error)) (c Contact, err error) {
	err = guard(func() error {
		c, err = call()
		return err
	})
	if err == nil && c.ID == "" {
		err = errNoID
	}
	return c, err
}

func (d guardedDirectory) ListContacts(ctx context.Context, q ContactQuery) (page Page[Contact], err error) {
	if d.searcher == nil {
		return page, errHostContacts
	}
	page.Data, err = d.contacts(func() (_ []Contact, err error) {
		page, err = d.searcher.ListContacts(ctx, q)
		return page.Data, err
	})
	return page, err
}

func (d guardedDirectory) FindContacts(ctx context.Context, ids []string) ([]Contact, error) {
	if d.finder == nil {
		return d.findEach(ctx, ids)
	}
	return d.contacts(func() ([]Contact, error) { return d.finder.FindContacts(ctx, ids) })
}

func (d guardedDirectory) findEach(ctx context.Context, ids []string) (found []Contact, err error) {
	for _, id := range ids {
		c, err := d.FindContact(ctx, ContactRef{ID: id})
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, c)
	}
	return found, nil
}

func (d guardedDirectory) contacts(call func() ([]Contact, error)) (found []Contact, err error) {
	err = guard(func() error {
		found, err = call()
		return err
	})
	if err == nil && slices.ContainsFunc(found, func(c Contact) bool { return c.ID == "" }) {
		err = errNoID
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

// guardedObserver is the host's Observer. It logs the first panic of each kind of notice
// and goes on without the notices that fail.
type guardedObserver struct {
	next   Observer
	logger *slog.Logger

	mu     sync.Mutex // guards logged
	logged map[reflect.Type]bool
}

func (o *guardedObserver) Observe(n Notice) {
	if err := guard(func() error { o.next.Observe(n); return nil }); err != nil {
		o.log(n, err)
	}
}

func (o *guardedObserver) log(n Notice, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if kind := reflect.TypeOf(n); !o.logged[kind] {
		o.logged[kind] = true
		o.logger.LogAttrs(context.Background(), slog.LevelError,
			"automation: the Observer panicked; further panics over this kind of notice are not logged",
			append(errorAttrs(err), slog.String("notice", fmt.Sprintf("%T", n)))...)
	}
}
