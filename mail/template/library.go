package template

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/mail"
)

var (
	_ mail.Renderer                = (*Library)(nil)
	_ automation.TemplateInspector = (*Library)(nil)
)

// Options tune a Library. The zero value works.
type Options struct {
	// From is the sender where neither the step nor the template names one, such
	// as `Shop <hello@example.com>`. It may hold variables.
	From string
	// UnsubscribeURL returns the link that UNSUBSCRIBE_URL and
	// RESEND_UNSUBSCRIBE_URL stand for. An email that uses it also offers it to
	// mail programs, by mail.Message.UnsubscribeURL. If it is nil a template with
	// one of the two fails to render. It must be safe for concurrent use.
	UnsubscribeURL func(automation.Contact) (string, error)
	// Clock says what time it is: the system's by default.
	Clock automation.Clock
	// Random is the source of ids: crypto/rand by default. Reads of it do not
	// overlap.
	Random io.Reader
}

// Library is a set of templates. It is safe for concurrent use.
type Library struct {
	opts   Options
	folder string // where templates are kept, or ""

	mu      sync.RWMutex
	entries map[string]*entry // by id
	aliases map[string]string // ids by alias
	made    int               // entries so far
}

// entry is a template of the library.
type entry struct {
	template  Template // the draft
	draft     *compiled
	published *compiled // nil if it was never published
	sent      *Template // what is published, if it is not the draft
	file      string    // the .json it comes from, or ""
	number    int       // counts the entries, in the order in which they were made
}

// New returns an empty Library. Invalid options are reported together in a
// *automation.ValidationError.
func New(opts Options) (*Library, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	return &Library{opts: opts, entries: map[string]*entry{}, aliases: map[string]string{}}, nil
}

// Create makes a new template. It is a draft, unless its Status says that it is
// published. In a Library that was made by Open this and all other changes are kept
// in a file, which can fail. The error wraps automation.ErrConflict if its id or alias is taken,
// and is a *automation.ValidationError if there is something wrong with it.
func (l *Library) Create(t Template) (Template, error) {
	if t.Status == "" {
		t.Status = StatusDraft
	}
	t = t.clone()
	c, err := l.compile(&t)
	if err != nil {
		return Template{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.ID == "" {
		if t.ID, err = newID(l.opts.Random); err != nil {
			return Template{}, fmt.Errorf("template: make an id: %w", err)
		}
		c.id = t.ID
	}
	if name := l.taken(t.ID, t.Alias, ""); name != "" {
		return Template{}, fmt.Errorf("template %s: the id or alias is taken: %w", jsondoc.Quote(name), automation.ErrConflict)
	}
	e := &entry{template: t, draft: c}
	e.template.CreatedAt = l.now()
	e.template.UpdatedAt = e.template.CreatedAt
	e.template.PublishedAt = time.Time{}
	if t.Status == StatusPublished {
		e.publish(e.template.CreatedAt)
	}
	e.number = l.made + 1
	if err := l.keep(e); err != nil {
		return Template{}, err
	}
	l.add(e)
	return e.view(), nil
}

// Get returns the template with this id or alias, as it is in its draft. The error
// wraps automation.ErrNotFound if there is none.
func (l *Library) Get(idOrAlias string) (Template, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	e, err := l.find(idOrAlias)
	if err != nil {
		return Template{}, err
	}
	return e.view(), nil
}

// Update changes a template. What was published is sent until Publish is called.
// The error wraps automation.ErrNotFound if there is none, automation.ErrConflict if
// the new alias is taken or the template comes from a file, and is a
// *automation.ValidationError if there is something wrong with the change.
func (l *Library) Update(idOrAlias string, change Change) (Template, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, err := l.findOwn(idOrAlias)
	if err != nil {
		return Template{}, err
	}
	t := e.template.clone()
	change.apply(&t)
	c, err := l.compile(&t)
	if err != nil {
		return Template{}, err
	}
	if name := l.taken("", t.Alias, t.ID); name != "" {
		return Template{}, fmt.Errorf("template %s: alias %s is taken: %w", jsondoc.Quote(t.ID), jsondoc.Quote(name), automation.ErrConflict)
	}
	next := *e
	if e.published == e.draft && e.published != nil {
		sent := e.view()
		next.sent = &sent
	}
	t.UpdatedAt = l.now()
	next.template, next.draft = t, c
	return l.replace(e, next)
}

// Publish makes the draft of a template what is sent from now on. An email that is
// being rendered at this moment is wholly old or wholly new. Publishing twice changes
// nothing. The error wraps automation.ErrNotFound if there is no such template, and
// automation.ErrConflict if it comes from a file.
func (l *Library) Publish(idOrAlias string) (Template, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, err := l.findOwn(idOrAlias)
	if err != nil {
		return Template{}, err
	}
	if e.published == e.draft {
		return e.view(), nil
	}
	next := *e
	next.publish(l.now())
	return l.replace(e, next)
}

// replace keeps an entry as it is to be.
func (l *Library) replace(e *entry, next entry) (Template, error) {
	if err := l.keep(&next); err != nil {
		return Template{}, err
	}
	l.remove(e)
	*e = next
	l.put(e)
	return e.view(), nil
}

// Duplicate makes a draft that is a copy of the template's draft, without its
// alias. The error wraps automation.ErrNotFound if there is no such template.
func (l *Library) Duplicate(idOrAlias string) (Template, error) {
	t, err := l.Get(idOrAlias)
	if err != nil {
		return Template{}, err
	}
	t.ID, t.Alias, t.Name, t.Status = "", "", t.Name+" (copy)", StatusDraft
	return l.Create(t)
}

// Delete removes a template: steps that use it fail. The error wraps
// automation.ErrNotFound if there is none, and automation.ErrConflict if it comes
// from a file.
func (l *Library) Delete(idOrAlias string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, err := l.findOwn(idOrAlias)
	if err != nil {
		return err
	}
	if err := l.forget(e); err != nil {
		return err
	}
	l.remove(e)
	return nil
}

// List lists the templates, newest first.
// The error wraps automation.ErrNotFound if there is no template with the id that
// the query begins at, and is a *automation.ValidationError if the query is invalid.
func (l *Library) List(q automation.PageQuery) (automation.Page[Template], error) {
	if err := q.Check(); err != nil {
		return automation.Page[Template]{}, err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	var cursor *entry
	if id := q.After + q.Before; id != "" {
		var err error
		if cursor, err = l.find(id); err != nil {
			return automation.Page[Template]{}, err
		}
	}
	return pageOf(l.newest(), cursor, q), nil
}

// InspectTemplate implements automation.TemplateInspector. It describes what is
// published if there is something, and the draft otherwise.
func (l *Library) InspectTemplate(_ context.Context, id string) (automation.TemplateInfo, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	e, err := l.find(id)
	if err != nil {
		return automation.TemplateInfo{}, err
	}
	info := automation.TemplateInfo{Published: e.published != nil}
	for _, n := range cmp.Or(e.published, e.draft).needs {
		info.Variables = append(info.Variables, n.Key)
	}
	return info, nil
}

// Needs returns the variables that the draft of a template takes from a step: those
// declared, then those only used. The error wraps automation.ErrNotFound if there is
// no such template.
func (l *Library) Needs(idOrAlias string) ([]Need, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	e, err := l.find(idOrAlias)
	if err != nil {
		return nil, err
	}
	return slices.Clone(e.draft.needs), nil
}

// compile checks a template by itself, without its names.
func (l *Library) compile(t *Template) (*compiled, error) {
	c, problems := compile(t, l.opts.From)
	if err := problems.Err("template " + jsondoc.Quote(cmp.Or(t.ID, t.Name))); err != nil {
		return nil, err
	}
	return c, nil
}

// find is called with the lock held, as are all methods below.
func (l *Library) find(idOrAlias string) (*entry, error) {
	if e, ok := l.entries[idOrAlias]; ok {
		return e, nil
	}
	if id, ok := l.aliases[idOrAlias]; ok && idOrAlias != "" {
		return l.entries[id], nil
	}
	return nil, fmt.Errorf("template %s: %w", jsondoc.Quote(idOrAlias), automation.ErrNotFound)
}

// findOwn is find for a template that is to be changed.
func (l *Library) findOwn(idOrAlias string) (*entry, error) {
	e, err := l.find(idOrAlias)
	if err == nil && e.file != "" {
		return nil, fmt.Errorf("template %s comes from %s, change it there: %w", jsondoc.Quote(e.template.ID), e.file, automation.ErrConflict)
	}
	return e, err
}

// taken returns which of the two names belongs to a template other than self, or "".
// Either may be empty.
func (l *Library) taken(id, alias, self string) string {
	for _, name := range []string{id, alias} {
		if e, err := l.find(name); name != "" && err == nil && e.template.ID != self {
			return name
		}
	}
	return ""
}

// add puts a new entry into the library.
func (l *Library) add(e *entry) {
	l.made++
	e.number = l.made
	l.put(e)
}

func (l *Library) put(e *entry) {
	l.entries[e.template.ID] = e
	if e.template.Alias != "" {
		l.aliases[e.template.Alias] = e.template.ID
	}
}

func (l *Library) remove(e *entry) {
	delete(l.entries, e.template.ID)
	delete(l.aliases, e.template.Alias)
}

// now is cut to what JSON and every store can keep.
func (l *Library) now() time.Time { return l.opts.Clock.Now().UTC().Truncate(time.Microsecond) }

func (e *entry) publish(now time.Time) {
	e.published, e.sent, e.template.PublishedAt = e.draft, nil, now
}

// view returns the template as a caller sees it.
func (e *entry) view() Template {
	t := e.template.clone()
	t.Status = StatusDraft
	if e.published != nil {
		t.Status = StatusPublished
	}
	t.HasUnpublishedVersions = e.published != nil && e.published != e.draft
	return t
}
